import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button } from "antd";
import { Activity, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { Problem } from "../../api/problem";
import { providers, type ProviderView } from "../../api/providers";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import { problemTitle } from "../../parts/problem";
import type { Column } from "../../parts/records";
import { Dot } from "../../parts/status";
import { PeopleHead } from "../people";
import { EditProvider } from "./edit-provider";

/** The providers by which people of the organisation sign in. */
export function Providers() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { message } = App.useApp();
  const may = useMay();
  const list = useInfiniteQuery(providers());
  const [edited, setEdited] = useState<ProviderView | "new">();
  const columns = useColumns(setEdited);
  return (
    <>
      <PeopleHead>
        {may("identity_provider.create") && (
          <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setEdited("new")}>
            {t("provider.create")}
          </Button>
        )}
      </PeopleHead>
      <Paged
        label={t("people.providers")}
        list={list}
        columns={columns}
        empty={<Nothing title={t("provider.empty")} hint={t("provider.empty.hint")} />}
      />
      {edited && (
        <EditProvider
          provider={edited === "new" ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onDone={({ display_name: name }) => {
            setEdited(undefined);
            void message.success(t("provider.saved", { name }));
            void client.invalidateQueries({ queryKey: ["providers"] });
            void client.invalidateQueries({ queryKey: ["offered"] });
          }}
        />
      )}
    </>
  );
}

function useColumns(onEdit: (provider: ProviderView) => void): Column<ProviderView>[] {
  const { t } = useTranslation();
  return [
    {
      key: "name",
      title: t("provider.title.one"),
      card: "title",
      render: ({ display_name }) => <strong>{display_name}</strong>,
    },
    {
      key: "state",
      title: t("provider.state"),
      card: "corner",
      render: ({ enabled }) => (
        <Dot tone={enabled ? "good" : "idle"}>{enabled ? t("provider.on") : t("provider.off")}</Dot>
      ),
    },
    {
      key: "issuer",
      title: t("provider.issuer"),
      render: ({ issuer }) => <code className="wrap">{issuer}</code>,
    },
    {
      key: "makes",
      title: t("provider.create_users"),
      render: ({ create_users }) => (create_users ? t("provider.yes") : t("provider.no")),
    },
    { key: "updated", title: t("provider.updated"), render: ({ updated_at }) => <Ago at={updated_at} /> },
    {
      key: "actions",
      title: "",
      card: "control",
      width: 120,
      align: "end",
      render: (provider) => <Tools provider={provider} onEdit={onEdit} />,
    },
  ];
}

function Tools({ provider, onEdit }: { provider: ProviderView; onEdit: (provider: ProviderView) => void }) {
  const { t } = useTranslation();
  const may = useMay();
  const { message } = App.useApp();
  const { id, generation, display_name: name } = provider;
  const test = useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/identity-providers/{provider}:test", { params: { path: { provider: id } } })),
    onSuccess: ({ ok, problem }) =>
      void (ok
        ? message.success(t("provider.test.good", { name }))
        : message.warning(t("provider.test.bad", { name, problem: problem ?? "" }), 12)),
    onError: (error) => void message.error(problemTitle(Problem.from(error)), 8),
  });
  const { act, ask } = useAct(
    () =>
      unwrap(
        api.DELETE("/api/v1/identity-providers/{provider}", {
          params: { path: { provider: id }, header: { "If-Match": `"${generation}"` } },
        }),
      ),
    () => t("provider.deleted", { name }),
    ["providers", "offered", "identities", "users"],
  );
  return (
    <span className="row-tools">
      {may("identity_provider.operate") && (
        <Button
          type="text"
          size="small"
          aria-label={t("provider.test.of", { name })}
          title={t("provider.test")}
          icon={<Activity size={15} aria-hidden />}
          loading={test.isPending}
          onClick={() => test.mutate()}
        />
      )}
      {may("identity_provider.modify") && (
        <Button
          type="text"
          size="small"
          aria-label={t("provider.edit.of", { name })}
          icon={<Pencil size={14} aria-hidden />}
          onClick={() => onEdit(provider)}
        />
      )}
      {may("identity_provider.delete") && (
        <Button
          type="text"
          size="small"
          aria-label={t("provider.delete.of", { name })}
          icon={<Trash2 size={15} aria-hidden />}
          loading={act.isPending}
          onClick={() =>
            ask(provider, {
              title: t("provider.delete.ask", { name }),
              hint: t("provider.delete.hint"),
              ok: t("provider.delete"),
            })
          }
        />
      )}
    </span>
  );
}
