import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Tag } from "antd";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, tagged, unwrap } from "../../api/client";
import { roles } from "../../api/identity";
import type { RoleView } from "../../api/types";
import { known } from "../../i18n";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Nothing } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { Records, type Column } from "../../parts/records";
import { RolesHead } from "../roles";
import { EditRole } from "./edit-role";

/** Built-in roles first, then the organisation's own. */
export function Roles() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { message } = App.useApp();
  const may = useMay();
  const list = useQuery(roles());
  const [edited, setEdited] = useState<RoleView | "new">();
  const columns = useColumns(setEdited);
  const rows = list.data?.items.toSorted((a, b) => Number(b.built_in) - Number(a.built_in));
  return (
    <>
      <RolesHead>
        {may("role.create") && (
          <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setEdited("new")}>
            {t("role.create")}
          </Button>
        )}
      </RolesHead>
      {list.error ? (
        <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <Records
          label={t("roles.roles")}
          rows={rows}
          columns={columns}
          rowKey={({ id }) => id}
          empty={<Nothing title={t("role.empty")} />}
          detail={{
            label: ({ name }) => t("role.permissions.of", { name: known("role", name) }),
            render: (role) => <Carried permissions={role.permissions} />,
          }}
        />
      )}
      {edited && (
        <EditRole
          role={edited === "new" ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onDone={({ name }) => {
            setEdited(undefined);
            void message.success(t("role.saved", { name }));
            void client.invalidateQueries({ queryKey: ["roles"] });
          }}
        />
      )}
    </>
  );
}

function Carried({ permissions }: { permissions: string[] }) {
  return (
    <ul className="carried">
      {permissions.map((permission) => (
        <li key={permission}>
          <code>{permission}</code>
        </li>
      ))}
    </ul>
  );
}

/** Roles are removed as they were last seen: one that was widened meanwhile is looked at again first. */
async function remove({ name }: RoleView) {
  const path = { role: name };
  const { etag } = await tagged(api.GET("/api/v1/roles/{role}", { params: { path } }));
  const header = { "If-Match": etag ?? "*" };
  return unwrap(api.DELETE("/api/v1/roles/{role}", { params: { path, header } }));
}

function useColumns(onEdit: (role: RoleView) => void): Column<RoleView>[] {
  const { t } = useTranslation();
  const may = useMay();
  const { act, ask } = useAct(remove, ({ name }) => t("role.deleted", { name }), ["roles"]);
  return [
    {
      key: "name",
      title: t("role.name"),
      card: "title",
      render: ({ name, built_in }) => (
        <span className="marked">
          <strong>{known("role", name)}</strong>
          {built_in && <Tag>{t("role.built_in")}</Tag>}
        </span>
      ),
    },
    {
      key: "description",
      title: t("role.description"),
      render: ({ name, built_in, description }) =>
        (built_in ? known("role.what", name) : description) || <span className="muted">–</span>,
    },
    {
      key: "count",
      title: t("role.permissions"),
      align: "end",
      render: ({ permissions }) => permissions.length,
    },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 84,
      align: "end",
      render: (role) =>
        !role.built_in && (
          <span className="row-tools">
            {may("role.modify") && (
              <Button
                type="text"
                size="small"
                aria-label={t("role.edit.of", { name: role.name })}
                icon={<Pencil size={14} aria-hidden />}
                onClick={() => onEdit(role)}
              />
            )}
            {may("role.delete") && (
              <Button
                type="text"
                size="small"
                aria-label={t("role.delete.of", { name: role.name })}
                icon={<Trash2 size={15} aria-hidden />}
                loading={act.isPending && act.variables.id === role.id}
                onClick={() =>
                  ask(role, {
                    title: t("role.delete.ask", { name: role.name }),
                    hint: t("role.delete.hint"),
                    ok: t("role.delete"),
                  })
                }
              />
            )}
          </span>
        ),
    },
  ];
}
