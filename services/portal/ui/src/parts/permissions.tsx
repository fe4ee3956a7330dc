import { useQuery } from "@tanstack/react-query";
import { Select, Tooltip, type SelectProps } from "antd";
import { useTranslation } from "react-i18next";
import { roles } from "../api/identity";
import { everyPermission } from "../may";

const SHOWN = 3;

/** The first few names, the rest on hover. */
export function Permissions({ names }: { names: string[] }) {
  const { t } = useTranslation();
  const rest = names.slice(SHOWN);
  return (
    <span className="permissions">
      <code>{names.slice(0, SHOWN).join(" ")}</code>
      {rest.length > 0 && (
        <Tooltip title={rest.join(" ")}>
          {/* Focusable, so that the keyboard reaches the rest as well. */}
          <button type="button" className="rest">
            {t("permissions.more", { more: rest.length })}
          </button>
        </Tooltip>
      )}
    </span>
  );
}

type Props = Pick<SelectProps<string[]>, "id" | "value" | "onChange"> & { placeholder?: string };

/** Names of actions, or all of a resource; what the roles carry is offered, anything may be typed. */
export function PermissionSelect({ placeholder, ...field }: Props) {
  const { data } = useQuery(roles());
  const options = everyPermission(data?.items ?? []).map(({ resource, permissions }) => ({
    label: resource,
    options: permissions.map((value) => ({ value, label: value })),
  }));
  return (
    <Select<string[]>
      {...field}
      mode="tags"
      className="permission-select"
      options={options}
      tokenSeparators={[",", " "]}
      {...(placeholder ? { placeholder } : {})}
    />
  );
}
