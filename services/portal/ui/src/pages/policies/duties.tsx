import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Alert, Button } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { dutiesPolicy } from "../../api/identity";
import type { DutiesPolicy } from "../../api/types";
import { known } from "../../i18n";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Panel, Waiting } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";

/** The role that carries a duty alone. */
const ROLES: Record<string, string> = {
  system: "system_administrator",
  security: "security_administrator",
  audit: "auditor",
};

/** Whether three duties lie with different people, what stands in the way, and the switch. */
export function DutyRules() {
  const { t } = useTranslation();
  const read = useQuery(dutiesPolicy());
  return (
    <Panel title={t("duties.title")}>
      {read.error && <ProblemAlert error={read.error} onRetry={() => void read.refetch()} />}
      {read.isPending && <Waiting />}
      {read.data && <Rules policy={read.data.value} etag={read.data.etag ?? "*"} />}
    </Panel>
  );
}

function Rules({ policy, etag }: { policy: DutiesPolicy; etag: string }) {
  const { t } = useTranslation();
  const may = useMay();
  const { apart, in_the_way: ways, lacking } = policy;
  const { act, ask } = useAct(
    (wanted: boolean) =>
      unwrap(
        api.PATCH("/api/v1/policies/duties", {
          body: { apart: wanted },
          params: { header: { "If-Match": etag } },
        }),
      ),
    (wanted) => t(wanted ? "duties.separated" : "duties.joined"),
    ["policies", "roles"],
  );
  const clear = ways.length === 0 && lacking.length === 0;
  const turn = apart ? "join" : "separate";
  return (
    <div className="duties">
      <p className="muted">{t("duties.what")}</p>
      <Alert
        type={apart ? "success" : "info"}
        showIcon
        title={t(apart ? "duties.apart" : "duties.together")}
        description={apart ? t("duties.apart.hint") : clear ? t("duties.clear") : undefined}
      />
      {!apart && !clear && <InTheWay ways={ways} lacking={lacking} />}
      {may("policy.modify") && (
        <Button
          {...(apart ? {} : { type: "primary" as const })}
          disabled={!apart && !clear}
          loading={act.isPending}
          onClick={() =>
            ask(!apart, {
              title: t(`duties.${turn}.ask`),
              hint: t(`duties.${turn}.hint`),
              ok: t(`duties.${turn}`),
              danger: apart,
            })
          }
        >
          {t(`duties.${turn}`)}
        </Button>
      )}
    </div>
  );
}

function InTheWay({ ways, lacking }: { ways: DutiesPolicy["in_the_way"]; lacking: string[] }) {
  const { t } = useTranslation();
  return (
    <div>
      <h3>{t("duties.ways")}</h3>
      {ways.length > 0 && <p className="muted">{t("duties.ways.hint")}</p>}
      <ul className="ways" aria-label={t("duties.ways")}>
        {ways.map(({ subject, name, why, bindings }) => (
          <li key={subject.id}>
            <span>
              <Link
                to="/roles/bindings"
                search={{ subject: subject.id }}
                aria-label={t("duties.bindings.of", { name })}
              >
                {name}
              </Link>{" "}
              <span className="muted">
                {known("subject", subject.kind)}: {known("duties.why", why)}
              </span>
            </span>
            <span>{[...new Set(bindings.map(({ role }) => known("role", role)))].join(", ")}</span>
          </li>
        ))}
        {lacking.map((duty) => (
          <li key={duty}>
            <span>{t("duties.lacking", { role: known("role", ROLES[duty] ?? duty) })}</span>
            <span className="muted">{known("duty", duty)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
