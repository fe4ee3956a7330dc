/** What an access looks like, to the tenant and to operators. */
import { Select } from "antd";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { ACCESS_STATES, TONES, type AccessState } from "../../access";
import type { OperatorAccessView } from "../../api/types";
import { reference, time } from "../../format";
import { known } from "../../i18n";
import { Ago } from "../../parts/page";
import type { Column } from "../../parts/records";
import { Dot } from "../../parts/status";

export function accessColumns(t: TFunction): Column<OperatorAccessView>[] {
  return [
    {
      key: "reason",
      title: t("access.reason"),
      card: "title",
      render: ({ reason }) => <strong className="wrap">{reason}</strong>,
    },
    {
      key: "state",
      title: t("access.state"),
      card: "corner",
      render: ({ state }) => <Dot tone={TONES[state] ?? "unknown"}>{known("access.state", state)}</Dot>,
    },
    { key: "kind", title: t("access.kind"), render: ({ kind }) => known("access.kind", kind) },
    { key: "role", title: t("access.role"), render: ({ role }) => known("role", role) },
    {
      key: "operator",
      title: t("access.operator"),
      render: ({ operator, confirmed_by }) => (
        <>
          <code title={operator}>{reference(operator)}</code>
          {confirmed_by && (
            <div>
              <code title={confirmed_by}>{reference(confirmed_by)}</code>
            </div>
          )}
        </>
      ),
    },
    { key: "asked", title: t("access.asked"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "ends",
      title: t("access.ends"),
      render: ({ state, ends_at, ended_at, minutes }) => {
        const end = ended_at ?? ends_at;
        return end ? (
          <time dateTime={end}>{time(end)}</time>
        ) : state === "requested" ? (
          t("access.minutes.of", { minutes })
        ) : (
          "–"
        );
      },
    },
  ];
}

export function StateFilter({
  state,
  onChange,
}: {
  state: AccessState | undefined;
  onChange: (state: AccessState | undefined) => void;
}) {
  const { t } = useTranslation();
  return (
    <div className="filters">
      <Select<AccessState>
        allowClear
        aria-label={t("access.state")}
        placeholder={t("access.any")}
        style={{ minWidth: 180 }}
        {...(state ? { value: state } : {})}
        onChange={(chosen) => onChange(chosen)}
        options={ACCESS_STATES.map((value) => ({ value, label: known("access.state", value) }))}
      />
    </div>
  );
}
