/** Addresses that are told what happens in the organisation. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Tag } from "antd";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { WebhookView } from "../api/types";
import { webhookPages } from "../api/webhooks";
import { known } from "../i18n";
import { useMay } from "../may";
import { ShownOnce } from "../parts/once";
import { Nothing, PageHead } from "../parts/page";
import { Paged } from "../parts/paged";
import type { Column } from "../parts/records";
import { Dot } from "../parts/status";
import { Deliveries } from "./webhooks/deliveries";
import { NewWebhook } from "./webhooks/new-webhook";
import { Tools } from "./webhooks/tools";

export function Webhooks() {
  const { t } = useTranslation();
  const may = useMay();
  const client = useQueryClient();
  const list = useInfiniteQuery(webhookPages());
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const [opened, setOpened] = useState<WebhookView>();
  const tools: Column<WebhookView> = {
    key: "actions",
    title: "",
    card: "control",
    align: "end",
    render: (webhook) => <Tools webhook={webhook} onOpen={setOpened} onSecret={setSecret} />,
  };
  return (
    <>
      <PageHead title={t("webhook.title")}>
        {may("webhook.create") && (
          <Button type="primary" icon={<Plus size={15} aria-hidden />} onClick={() => setMaking(true)}>
            {t("webhook.create")}
          </Button>
        )}
      </PageHead>
      <p className="muted dialog-lead">{t("webhook.why")}</p>
      <Paged
        label={t("webhook.title")}
        list={list}
        columns={[...useColumns(), tools]}
        empty={<Nothing title={t("webhook.empty")} />}
      />
      {making && (
        <NewWebhook
          onClose={() => setMaking(false)}
          onMade={(made) => {
            setMaking(false);
            setSecret(made);
            void client.invalidateQueries({ queryKey: ["webhooks"] });
          }}
        />
      )}
      {secret && (
        <ShownOnce
          title={t("webhook.once")}
          hint={t("webhook.once.hint")}
          label={t("webhook.once")}
          secrets={[secret]}
          onClose={() => setSecret(undefined)}
        />
      )}
      {opened && <Deliveries webhook={opened} onClose={() => setOpened(undefined)} />}
    </>
  );
}

function useColumns(): Column<WebhookView>[] {
  const { t } = useTranslation();
  return [
    { key: "name", title: t("key.name"), card: "title", render: ({ name }) => <strong>{name}</strong> },
    {
      key: "state",
      title: t("webhook.state"),
      card: "corner",
      render: ({ enabled, disabled_reason }) => (
        <Dot tone={enabled ? "good" : disabled_reason === "asked" ? "unknown" : "bad"}>
          {known("webhook.state", enabled ? "on" : (disabled_reason ?? "asked"))}
        </Dot>
      ),
    },
    { key: "url", title: t("webhook.url"), render: ({ url }) => <code>{url}</code> },
    {
      key: "types",
      title: t("webhook.types"),
      render: ({ types }) =>
        types.length ? types.map((type) => <Tag key={type}>{type}</Tag>) : t("webhook.types.all"),
    },
  ];
}
