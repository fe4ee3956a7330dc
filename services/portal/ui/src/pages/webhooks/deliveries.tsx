import { useInfiniteQuery } from "@tanstack/react-query";
import { Button, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { DeliveryState, DeliveryView, WebhookView } from "../../api/types";
import { deliveryPages } from "../../api/webhooks";
import { known } from "../../i18n";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";
import { Ago, Nothing } from "../../parts/page";
import { Paged } from "../../parts/paged";
import type { Column } from "../../parts/records";
import { Dot } from "../../parts/status";
import type { Tone } from "../../vm";

const STATES: DeliveryState[] = ["pending", "delivered", "failed", "dropped"];
const TONES: Record<DeliveryState, Tone> = {
  pending: "unknown",
  delivered: "good",
  failed: "bad",
  dropped: "bad",
};

/** What became of the events that a webhook is told of. */
export function Deliveries({ webhook, onClose }: { webhook: WebhookView; onClose: () => void }) {
  const { t } = useTranslation();
  const [state, setState] = useState<DeliveryState>();
  const list = useInfiniteQuery(deliveryPages(webhook.id, state));
  const columns = [...useColumns(), useAgain(webhook)];
  return (
    <Modal open title={t("delivery.of", { name: webhook.name })} width={860} footer={null} onCancel={onClose}>
      <div className="once">
        <Select<DeliveryState | "">
          aria-label={t("delivery.state")}
          value={state ?? ""}
          onChange={(picked) => setState(picked || undefined)}
          options={[
            { value: "", label: t("delivery.state.all") },
            ...STATES.map((value) => ({ value, label: known("delivery.state", value) })),
          ]}
        />
        <Paged
          label={t("delivery.title")}
          list={list}
          columns={columns}
          empty={<Nothing title={t("delivery.empty")} />}
        />
      </div>
    </Modal>
  );
}

function useColumns(): Column<DeliveryView>[] {
  const { t } = useTranslation();
  return [
    { key: "type", title: t("delivery.type"), card: "title", render: ({ type }) => <strong>{type}</strong> },
    {
      key: "state",
      title: t("delivery.state"),
      card: "corner",
      render: ({ state }) => <Dot tone={TONES[state]}>{known("delivery.state", state)}</Dot>,
    },
    {
      key: "answer",
      title: t("delivery.answer"),
      render: ({ status, error }) =>
        [status, error && known("delivery.error", error)].filter(Boolean).join(" · "),
    },
    { key: "attempts", title: t("delivery.attempts"), align: "end", render: ({ attempts }) => attempts },
    { key: "created", title: t("delivery.created"), render: ({ created_at }) => <Ago at={created_at} /> },
  ];
}

function useAgain(webhook: WebhookView): Column<DeliveryView> {
  const { t } = useTranslation();
  const may = useMay();
  const { act } = useAct(
    ({ id }: DeliveryView) =>
      unwrap(
        api.POST("/api/v1/webhooks/{webhook}/deliveries/{delivery}:redeliver", {
          params: { path: { webhook: webhook.id, delivery: id } },
        }),
      ),
    () => t("delivery.again.done"),
    ["deliveries"],
  );
  return {
    key: "actions",
    title: "",
    card: "control",
    align: "end",
    render: (delivery) =>
      may("webhook.redeliver") &&
      webhook.enabled &&
      delivery.state !== "pending" && (
        <Button
          type="link"
          size="small"
          loading={act.isPending && act.variables.id === delivery.id}
          onClick={() => act.mutate(delivery)}
        >
          {t("delivery.again")}
        </Button>
      ),
  };
}
