import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Button, Input, Select, Tooltip } from "antd";
import { Plus, RefreshCw, Search } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePollInterval } from "../api/live";
import { quotas, vms } from "../api/queries";
import type { VmView } from "../api/types";
import { known } from "../i18n";
import type { Project } from "../project";
import { InProject } from "../parts/in-project";
import { Ago, Nothing, PageHead } from "../parts/page";
import { ProblemAlert } from "../parts/problem";
import { Quotas } from "../parts/quota";
import { Records, type Column } from "../parts/records";
import { VmStatus } from "../parts/status";
import { VmMenu } from "../parts/vm-actions";
import { HostName } from "../parts/host-name";
import { STATUSES, takes } from "../vm";

export function Vms() {
  return <InProject>{(project) => <VmList key={project.id} project={project} />}</InProject>;
}

function VmList({ project }: { project: Project }) {
  const { t } = useTranslation();
  const filter = useSearch({ from: "/inside/projects/$project/vms" });
  const poll = usePollInterval();
  const list = useInfiniteQuery({ ...vms(project.id, filter), refetchInterval: poll });
  const quota = useQuery({ ...quotas(), refetchInterval: poll });
  const columns = useColumns(project);
  const rows = list.data?.pages.flatMap((page) => page.items);

  return (
    <>
      <PageHead title={t("vm.list")} above={project.name}>
        <Link to="/projects/$project/vms/new" params={{ project: project.name }} className="button-link">
          <Button type="primary" tabIndex={-1} icon={<Plus size={15} aria-hidden />}>
            {t("vm.create")}
          </Button>
        </Link>
      </PageHead>
      {quota.data && quota.data.items.length > 0 && (
        <section aria-label={t("quota.title")} className="panel quota-strip">
          <Quotas takes={takes(undefined, quota.data.items)} />
        </section>
      )}
      <Filters loading={list.isFetching} onRefresh={() => void list.refetch()} />
      {list.error && <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />}
      {(rows ?? !list.error) && (
        <Records
          label={t("vm.list")}
          rows={rows}
          columns={columns}
          rowKey={({ id }) => id}
          empty={
            filter.q || filter.status ? (
              <Nothing title={t("vm.list.none")} />
            ) : (
              <Nothing title={t("vm.list.empty")} hint={t("vm.list.empty.hint")} />
            )
          }
        />
      )}
      {list.hasNextPage && (
        <div className="more">
          <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t("vm.load_more")}
          </Button>
        </div>
      )}
    </>
  );
}

function useColumns(project: Project): Column<VmView>[] {
  const { t } = useTranslation();
  return [
    {
      key: "name",
      title: t("vm.name"),
      card: "title",
      render: ({ id, name }) => (
        <Link to="/projects/$project/vms/$vm" params={{ project: project.name, vm: id }} className="strong">
          {name}
        </Link>
      ),
    },
    {
      key: "status",
      title: t("vm.status"),
      card: "corner",
      width: 120,
      render: ({ status }) => <VmStatus status={status} />,
    },
    { key: "flavor", title: t("vm.flavor"), render: ({ flavor }) => flavor },
    { key: "image", title: t("vm.image"), render: ({ image }) => image },
    {
      key: "address",
      title: t("vm.address"),
      render: ({ addresses }) => {
        const known = addresses.flatMap(({ ip }) => (ip ? [ip] : []));
        return known.length > 0 ? <code>{known.join(", ")}</code> : <span className="muted">–</span>;
      },
    },
    { key: "host", title: t("vm.host"), render: (vm) => <HostName vm={vm} /> },
    { key: "created", title: t("vm.created"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 48,
      align: "end",
      render: (vm) => <VmMenu vm={vm} />,
    },
  ];
}

function Filters({ loading, onRefresh }: { loading: boolean; onRefresh: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate({ from: "/projects/$project/vms" });
  const { q, status } = useSearch({ from: "/inside/projects/$project/vms" });
  const [typed, setTyped] = useState(q ?? "");

  useEffect(() => {
    const timer = setTimeout(() => {
      if (typed !== (q ?? ""))
        void navigate({ search: (old) => ({ ...old, q: typed || undefined }), replace: true });
    }, 250);
    return () => clearTimeout(timer);
  }, [typed, q, navigate]);

  return (
    <div className="filters" role="search">
      <Input
        className="filter-name"
        allowClear
        aria-label={t("vm.filter.name")}
        placeholder={t("vm.filter.name")}
        prefix={<Search size={14} aria-hidden />}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <Select
        className="filter-status"
        allowClear
        aria-label={t("vm.status")}
        placeholder={t("vm.filter.status")}
        value={status ?? null}
        options={STATUSES.map((value) => ({ value, label: known("vm.status", value) }))}
        onChange={(value: string | null) =>
          void navigate({ search: (old) => ({ ...old, status: value ?? undefined }), replace: true })
        }
      />
      <Tooltip title={t("list.refresh")}>
        <Button
          aria-label={t("list.refresh")}
          icon={<RefreshCw size={14} aria-hidden className={loading ? "turning" : ""} />}
          onClick={onRefresh}
        />
      </Tooltip>
    </div>
  );
}
