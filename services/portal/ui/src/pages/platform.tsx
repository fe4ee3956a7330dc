/** What the platform's operator sees: read-only lists. Changes go through the API and the command line. */
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { hosts, pools, systemFlavors, systemImages } from "../api/queries";
import type { FlavorView, HostView, ImageView, PoolView } from "../api/types";
import { bytes, gibibytes, mebibytes, number } from "../format";
import { known } from "../i18n";
import { Simulated } from "../parts/host-name";
import { Ago, Nothing, PageHead } from "../parts/page";
import { ProblemAlert } from "../parts/problem";
import { Records, type Column } from "../parts/records";
import { Dot } from "../parts/status";
import type { Tone } from "../vm";

interface ListProps<T> {
  title: string;
  empty: string;
  list: UseQueryResult<{ items: T[] }>;
  columns: Column<T>[];
}

function List<T extends { id: string }>({ title, empty, list, columns }: ListProps<T>) {
  return (
    <>
      <PageHead title={title} />
      {list.error ? (
        <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <Records
          label={title}
          rows={list.data?.items}
          columns={columns}
          rowKey={({ id }) => id}
          empty={<Nothing title={empty} />}
        />
      )}
    </>
  );
}

export function Pools() {
  const { t } = useTranslation();
  const columns: Column<PoolView>[] = [
    { key: "name", title: t("pool.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    { key: "region", title: t("pool.region"), render: ({ region }) => region },
    {
      key: "overcommit",
      title: t("pool.overcommit"),
      render: ({ overcommit: { cpu, memory } }) =>
        t("pool.overcommit.of", { cpu: number(cpu), memory: number(memory) }),
    },
    { key: "policy", title: t("pool.policy"), render: ({ policy }) => policy },
    { key: "created", title: t("vm.created"), render: ({ created_at }) => <Ago at={created_at} /> },
  ];
  return <List title={t("nav.pools")} empty={t("pool.empty")} list={useQuery(pools())} columns={columns} />;
}

const HOST_TONES: Record<string, Tone> = {
  up: "good",
  degraded: "bad",
  maintenance: "idle",
  disabled: "idle",
};

export function Hosts() {
  const { t } = useTranslation();
  const columns: Column<HostView>[] = [
    {
      key: "name",
      title: t("host.name"),
      card: "title",
      render: ({ name, simulated }) => (
        <span className="host-name">
          <strong>{name}</strong>
          {simulated && <Simulated />}
        </span>
      ),
    },
    {
      key: "state",
      title: t("host.status"),
      card: "corner",
      render: ({ status }) => (
        <Dot tone={HOST_TONES[status] ?? "unknown"}>{known("host.status", status)}</Dot>
      ),
    },
    { key: "pool", title: t("host.pool"), render: ({ pool }) => pool },
    {
      key: "cpu",
      title: t("host.cpu"),
      render: ({ allocated, capacity }) => <Usage used={allocated.vcpus} of={capacity.vcpus} show={number} />,
    },
    {
      key: "memory",
      title: t("host.memory"),
      render: ({ allocated, capacity }) => (
        <Usage used={allocated.memory_mib} of={capacity.memory_mib} show={mebibytes} />
      ),
    },
    {
      key: "busy",
      title: t("host.busy"),
      align: "end",
      render: ({ usage }) => (usage ? `${number(Math.round(usage.cpu_percent))}\u00a0%` : "–"),
    },
    { key: "domain", title: t("host.domain"), render: ({ domain_type }) => <code>{domain_type}</code> },
    {
      key: "seen",
      title: t("host.seen"),
      render: ({ heartbeat_at, last_error }) => (
        <>
          {heartbeat_at ? <Ago at={heartbeat_at} /> : t("host.never")}
          {last_error && <div className="status-bad">{last_error.detail}</div>}
        </>
      ),
    },
  ];
  return <List title={t("nav.hosts")} empty={t("host.empty")} list={useQuery(hosts())} columns={columns} />;
}

function Usage({ used, of, show }: { used: number; of: number; show: (value: number) => string }) {
  const { t } = useTranslation();
  return (
    <span className="usage">
      <span>{t("quota.of", { used: show(used), limit: show(of) })}</span>
      <span className="bar" aria-hidden="true">
        <i style={{ width: `${of > 0 ? Math.min(100, (used / of) * 100) : 0}%` }} />
      </span>
    </span>
  );
}

export function Flavors() {
  const { t } = useTranslation();
  const columns: Column<FlavorView>[] = [
    { key: "name", title: t("flavor.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    { key: "vcpus", title: t("flavor.vcpus"), align: "end", render: ({ vcpus }) => number(vcpus) },
    {
      key: "memory",
      title: t("flavor.memory"),
      align: "end",
      render: ({ memory_mib }) => mebibytes(memory_mib),
    },
    {
      key: "disk",
      title: t("flavor.disk"),
      align: "end",
      render: ({ disk_gib }) => (disk_gib ? gibibytes(disk_gib) : "–"),
    },
    { key: "created", title: t("vm.created"), render: ({ created_at }) => <Ago at={created_at} /> },
  ];
  return (
    <List
      title={t("nav.flavors")}
      empty={t("flavor.empty")}
      list={useQuery(systemFlavors())}
      columns={columns}
    />
  );
}

export function Images() {
  const { t } = useTranslation();
  const columns: Column<ImageView>[] = [
    { key: "name", title: t("image.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    { key: "kind", title: t("image.kind"), render: ({ kind }) => known("image.kind", kind) },
    {
      key: "size",
      title: t("image.size"),
      align: "end",
      render: ({ file, initrd }) => bytes(file.size + (initrd?.size ?? 0)),
    },
    {
      key: "disk",
      title: t("image.min_disk"),
      align: "end",
      render: ({ min_disk_gib }) => (min_disk_gib ? gibibytes(min_disk_gib) : "–"),
    },
    {
      key: "sha256",
      title: t("image.sha256"),
      render: ({ file: { sha256 } }) => <code title={sha256}>{sha256.slice(0, 16)}…</code>,
    },
    { key: "created", title: t("vm.created"), render: ({ created_at }) => <Ago at={created_at} /> },
  ];
  return (
    <List
      title={t("nav.images")}
      empty={t("image.empty")}
      list={useQuery(systemImages())}
      columns={columns}
    />
  );
}
