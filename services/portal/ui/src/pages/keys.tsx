/** The keys of the organisation's data: which there are, how old they are, and a new one at will. */
import { useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { RefreshCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../api/client";
import { tenantKeys } from "../api/keys";
import type { TenantKeysView } from "../api/types";
import { number, time } from "../format";
import { known } from "../i18n";
import { byPurpose, nextDue, type Purpose } from "../keys";
import { useMay } from "../may";
import { useAct } from "../parts/act";
import { Block } from "../parts/block";
import { Fact } from "../parts/fact";
import { PageHead, Panel, Waiting } from "../parts/page";
import { ProblemAlert } from "../parts/problem";
import { Records, type Column } from "../parts/records";
import { Keeper } from "./keys/keeper";

export function Keys() {
  const { t } = useTranslation();
  const read = useQuery(tenantKeys());
  const purposes = byPurpose(read.data?.data_keys ?? []);
  const columns = useColumns();
  return (
    <>
      <PageHead title={t("keys.title")}>
        <Rotate ready={read.data !== undefined && read.data.version > 0} />
      </PageHead>
      {read.error && <ProblemAlert error={read.error} onRetry={() => void read.refetch()} />}
      {read.isPending && <Waiting />}
      {read.data && (
        <>
          <Own keys={read.data} due={nextDue(purposes)} />
          <Keeper external={read.data.external ?? undefined} />
          <Block title={t("keys.data")} hint={t("keys.data.hint")}>
            <Records
              label={t("keys.data")}
              rows={purposes}
              columns={columns}
              rowKey={({ purpose }) => purpose}
              empty={<p className="muted">{t("keys.none")}</p>}
            />
          </Block>
        </>
      )}
      <Panel title={t("keys.end")}>
        <p>{t("keys.end.text")}</p>
        <a href="/reference#operations-tenant-delete_tenant">{t("keys.end.link")}</a>
      </Panel>
    </>
  );
}

function Rotate({ ready }: { ready: boolean }) {
  const { t } = useTranslation();
  const may = useMay()("tenant_key.rotate");
  const { act, ask } = useAct(
    (key: string) =>
      unwrap(api.POST("/api/v1/tenant/keys:rotate", { params: { header: { "Idempotency-Key": key } } })),
    () => t("keys.rotate.done"),
    ["tenant-keys"],
  );
  if (!may) return null;
  return (
    <Button
      icon={<RefreshCw size={14} aria-hidden />}
      disabled={!ready}
      loading={act.isPending}
      onClick={() =>
        ask(crypto.randomUUID(), {
          title: t("keys.rotate.title"),
          hint: t("keys.rotate.hint"),
          ok: t("keys.rotate"),
          danger: false,
        })
      }
    >
      {t("keys.rotate")}
    </Button>
  );
}

function Own({ keys, due }: { keys: TenantKeysView; due: string | undefined }) {
  const { t } = useTranslation();
  return (
    <Panel title={t("keys.own")}>
      <p className="muted">{t("keys.own.hint")}</p>
      {keys.version === 0 ? (
        <p>{t("keys.none")}</p>
      ) : (
        <dl className="facts">
          <Fact name={t("keys.version")}>{t("keys.version.value", { version: number(keys.version) })}</Fact>
          {keys.provider && <Fact name={t("keys.provider")}>{known("keys.provider", keys.provider)}</Fact>}
          {keys.rotated_at && (
            <Fact name={t("keys.rotated")}>
              <time dateTime={keys.rotated_at}>{time(keys.rotated_at)}</time>
            </Fact>
          )}
          {due && (
            <Fact name={t("keys.next")}>
              <time dateTime={due}>{time(due)}</time>
            </Fact>
          )}
        </dl>
      )}
    </Panel>
  );
}

function useColumns(): Column<Purpose>[] {
  const { t } = useTranslation();
  return [
    {
      key: "purpose",
      title: t("keys.purpose"),
      card: "title",
      render: ({ purpose }) => <strong>{known("keys.purpose", purpose)}</strong>,
    },
    { key: "epoch", title: t("keys.epoch"), render: ({ current }) => number(current.epoch) },
    { key: "older", title: t("keys.older"), render: ({ previous }) => number(previous) },
    { key: "messages", title: t("keys.messages"), render: ({ current }) => number(current.messages) },
    {
      key: "made",
      title: t("keys.made"),
      render: ({ current }) => <time dateTime={current.created_at}>{time(current.created_at)}</time>,
    },
    {
      key: "due",
      title: t("keys.due"),
      render: ({ current }) =>
        current.due_at && <time dateTime={current.due_at}>{time(current.due_at)}</time>,
    },
  ];
}
