import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Alert, Skeleton, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { usePollInterval, type Transition } from "../api/live";
import { Problem } from "../api/problem";
import { operations, vm as vmQuery, vmPlacement } from "../api/queries";
import type { OperationView, PlacementRecord, VmView } from "../api/types";
import { number, seconds, time } from "../format";
import { isKey, known } from "../i18n";
import type { Project } from "../project";
import { Console } from "../parts/console";
import { HostName } from "../parts/host-name";
import { InProject } from "../parts/in-project";
import { Ago, Code, PageHead, Panel } from "../parts/page";
import { ProblemAlert } from "../parts/problem";
import { Size } from "../parts/size";
import { Dot, VmStatus } from "../parts/status";
import { VmButtons } from "../parts/vm-actions";
import type { Tone } from "../vm";

export function Vm() {
  const { vm } = useParams({ from: "/inside/projects/$project/vms/$vm" });
  return <InProject>{(project) => <VmPage key={vm} project={project} id={vm} />}</InProject>;
}

function VmPage({ project, id }: { project: Project; id: string }) {
  const { t } = useTranslation();
  const poll = usePollInterval();
  const found = useQuery({ ...vmQuery(project.id, id), refetchInterval: poll });
  const above = (
    <Link to="/projects/$project/vms" params={{ project: project.name }}>
      {project.name} / {t("vm.list")}
    </Link>
  );
  // What is gone answers 404, as if it had never been; a page that was open says that it is gone.
  const gone = found.error !== null && Problem.from(found.error).status === 404;
  const vm = found.data?.value;

  if (!vm) {
    return (
      <>
        <PageHead title={t("vm.details")} above={above} />
        {found.error ? (
          <ProblemAlert error={found.error} onRetry={() => void found.refetch()} />
        ) : (
          <div className="panel pad">
            <Skeleton active />
          </div>
        )}
      </>
    );
  }
  const shown: VmView = gone ? { ...vm, status: "deleted" } : vm;
  return (
    <>
      <PageHead title={vm.name} above={above} mark={<VmStatus status={shown.status} />}>
        <VmButtons vm={shown} />
      </PageHead>
      {shown.status === "deleted" && <Alert type="info" showIcon title={t("vm.gone")} />}
      {found.error && !gone && <ProblemAlert error={found.error} onRetry={() => void found.refetch()} />}
      {vm.last_error && (
        <Alert type="error" showIcon title={t("vm.last_error")} description={vm.last_error.detail} />
      )}
      <div className="split split-wide">
        <div className="split-side">
          <Details vm={vm} />
          <Timeline vm={shown} />
          <Placement project={project} vm={shown} />
        </div>
        <Console project={project.id} vm={shown} />
      </div>
    </>
  );
}

function Details({ vm }: { vm: VmView }) {
  const { t } = useTranslation();
  const labels = Object.entries(vm.labels);
  return (
    <Panel title={t("vm.details")}>
      <dl className="facts">
        <Fact name={t("vm.flavor")}>
          {vm.flavor}{" "}
          <span className="muted">
            <Size of={vm} />
          </span>
        </Fact>
        <Fact name={t("vm.image")}>{vm.image}</Fact>
        <Fact name={t("vm.power")}>{known("vm.power", vm.power)}</Fact>
        <Fact name={t("vm.addresses")}>
          {vm.addresses.length === 0 && <span className="muted">{t("vm.none")}</span>}
          {vm.addresses.map(({ network, ip, mac }) => (
            <div key={mac}>
              {ip ? <Code value={ip} /> : <code>{mac}</code>} <span className="muted">{network}</span>
            </div>
          ))}
        </Fact>
        <Fact name={t("vm.host")}>
          <HostName vm={vm} />
        </Fact>
        <Fact name={t("vm.labels")}>
          {labels.length === 0 && <span className="muted">{t("vm.none")}</span>}
          {labels.map(([key, value]) => (
            <Tag key={key}>{value ? `${key}=${value}` : key}</Tag>
          ))}
        </Fact>
        <Fact name={t("vm.created")}>
          <Ago at={vm.created_at} />
        </Fact>
        <Fact name={t("vm.id")}>
          <Code value={vm.id} />
        </Fact>
      </dl>
    </Panel>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const PROGRESS: Record<string, Tone> = {
  queued: "moving",
  running: "moving",
  succeeded: "good",
  failed: "bad",
  cancelled: "idle",
};

/** What was asked of it and how that ended, and between these each status that this page saw pass. */
function Timeline({ vm }: { vm: VmView }) {
  const { t } = useTranslation();
  const poll = usePollInterval();
  const seen = useQuery<Transition[]>({
    queryKey: ["timeline", vm.id],
    enabled: false,
    initialData: [],
  }).data;
  const asked = useQuery({ ...operations(vm.id), retry: false, refetchInterval: poll }).data?.items ?? [];
  const steps = [
    ...asked.map((operation) => ({
      key: operation.id,
      time: operation.created_at,
      what: <Asked operation={operation} />,
    })),
    ...seen.map(({ time, status }) => ({ key: time + status, time, what: <VmStatus status={status} /> })),
  ];
  if (seen.length === 0)
    steps.push({ key: "now", time: vm.updated_at, what: <VmStatus status={vm.status} /> });
  steps.sort((a, b) => b.time.localeCompare(a.time));
  return (
    <Panel title={t("vm.timeline")}>
      <ol className="timeline" aria-live="polite">
        {steps.map((step) => (
          <li key={step.key}>
            <time dateTime={step.time}>{time(step.time)}</time>
            {step.what}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Asked({ operation }: { operation: OperationView }) {
  const { t } = useTranslation();
  const { kind, status, created_at, finished_at, error } = operation;
  const took = finished_at
    ? seconds((new Date(finished_at).getTime() - new Date(created_at).getTime()) / 1000)
    : "";
  const key = `vm.op.${status}`;
  return (
    <div>
      <Dot tone={PROGRESS[status] ?? "unknown"}>
        {`${known("vm.op", kind)} · ${isKey(key) ? t(key, { took }) : status}`}
      </Dot>
      {error && <div className="muted">{error.detail}</div>}
    </div>
  );
}

function Placement({ project, vm }: { project: Project; vm: VmView }) {
  const { t } = useTranslation();
  const poll = usePollInterval();
  const placement = useQuery({
    ...vmPlacement(project.id, vm.id),
    retry: false,
    enabled: vm.status !== "deleted",
    refetchInterval: poll,
  });
  const missing = placement.error !== null && Problem.from(placement.error).status === 404;
  return (
    <Panel title={t("vm.placement")} className="placement-panel">
      {placement.data ? (
        <Decision record={placement.data} />
      ) : placement.error && !missing ? (
        <ProblemAlert error={placement.error} />
      ) : (
        <p className="muted">{t("vm.placement.none")}</p>
      )}
    </Panel>
  );
}

function Decision({ record }: { record: PlacementRecord }) {
  const { t } = useTranslation();
  const best = Math.max(...record.scores.map(({ score }) => score), 0);
  return (
    <>
      <p>{record.reason}</p>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t("vm.placement.filter")}</th>
            <th scope="col" className="end">
              {t("vm.placement.left")}
            </th>
          </tr>
        </thead>
        <tbody>
          {record.filters.map(({ name, before, after }) => (
            <tr key={name}>
              <td>{name.replaceAll("_", " ")}</td>
              <td className="end">
                {number(before)} → {number(after)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {record.scores.length > 0 && (
        <>
          <h3>{t("vm.placement.scores")}</h3>
          <ul className="scores">
            {record.scores.map(({ host, score }) => (
              <li key={host}>
                <span>
                  {host}{" "}
                  {host === record.chosen && <span className="chosen">{t("vm.placement.chosen")}</span>}
                </span>
                <span className="bar" aria-hidden="true">
                  <i style={{ width: `${best > 0 ? (score / best) * 100 : 0}%` }} />
                </span>
                <span className="end">{number(score)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
