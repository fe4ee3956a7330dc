/** Tenants as operators see them, and how one comes in. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { tenants } from "../../api/access";
import type { TenantRecordView } from "../../api/types";
import { number } from "../../format";
import { Ago, Nothing, PageHead } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { SubNav } from "../../parts/sub-nav";
import { Dot } from "../../parts/status";
import { AskForAccess, BreakGlass } from "./ask";

/** The heading that the two pages share. */
export function TenantsHead({ children }: { children?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t("tenants.title")}>{children}</PageHead>
      <SubNav
        label={t("tenants.title")}
        items={[
          { to: "/platform/tenants", text: t("tenants.all") },
          { to: "/platform/access", text: t("access.title") },
        ]}
      />
    </>
  );
}

type Asking = { tenant: TenantRecordView; how: "ask" | "break" };

export function Tenants() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [q, setQ] = useState("");
  const [asking, setAsking] = useState<Asking>();
  const list = useInfiniteQuery(tenants(q));
  const columns = useColumns(setAsking);
  const done = (text: string) => {
    setAsking(undefined);
    void message.success(text);
    void client.invalidateQueries({ queryKey: ["access"] });
  };
  return (
    <>
      <TenantsHead />
      <div className="filters">
        <Input.Search
          allowClear
          aria-label={t("tenants.find")}
          placeholder={t("tenants.find")}
          onSearch={(text) => setQ(text.trim())}
          style={{ maxWidth: 280 }}
        />
      </div>
      <Paged
        label={t("tenants.all")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("tenants.empty")} />}
      />
      {asking?.how === "ask" && (
        <AskForAccess
          tenant={asking.tenant}
          onClose={() => setAsking(undefined)}
          onDone={() => done(t("access.ask.done"))}
        />
      )}
      {asking?.how === "break" && (
        <BreakGlass
          tenant={asking.tenant}
          onClose={() => setAsking(undefined)}
          onDone={() => done(t("access.break.done"))}
        />
      )}
    </>
  );
}

function useColumns(onAsk: (asking: Asking) => void): Column<TenantRecordView>[] {
  const { t } = useTranslation();
  return [
    { key: "name", title: t("tenants.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    { key: "shown", title: t("tenants.display"), render: ({ display_name }) => display_name },
    {
      key: "owner",
      title: t("tenants.owner"),
      card: "corner",
      render: ({ has_owner }) => (
        <Dot tone={has_owner ? "good" : "bad"}>{has_owner ? t("tenants.owned") : t("tenants.orphan")}</Dot>
      ),
    },
    { key: "users", title: t("tenants.users"), align: "end", render: ({ users }) => number(users) },
    {
      key: "projects",
      title: t("tenants.projects"),
      align: "end",
      render: ({ projects }) => number(projects),
    },
    { key: "since", title: t("tenants.since"), render: ({ created_at }) => <Ago at={created_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      align: "end",
      render: (tenant) => (
        <>
          <Button type="link" size="small" onClick={() => onAsk({ tenant, how: "ask" })}>
            {t("access.ask")}
          </Button>
          <Button type="link" size="small" danger onClick={() => onAsk({ tenant, how: "break" })}>
            {t("access.break")}
          </Button>
        </>
      ),
    },
  ];
}
