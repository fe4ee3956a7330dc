import { Button } from "antd";
import { ListChecks, Pause, Play, RefreshCw, Send, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { WebhookView } from "../../api/types";
import { useMay } from "../../may";
import { useAct } from "../../parts/act";

interface Props {
  webhook: WebhookView;
  onOpen: (webhook: WebhookView) => void;
  onSecret: (secret: string) => void;
}

const path = ({ id }: WebhookView) => ({ path: { webhook: id } });
const seen = (webhook: WebhookView) => ({
  ...path(webhook),
  header: { "If-Match": `"${webhook.generation}"` },
});

/** What can be done with a webhook. */
export function Tools({ webhook, onOpen, onSecret }: Props) {
  const { t } = useTranslation();
  const may = useMay();
  const { name, enabled } = webhook;
  return (
    <span className="row-tools">
      <Tool
        label={t("delivery.of", { name })}
        icon={<ListChecks size={15} aria-hidden />}
        onClick={() => onOpen(webhook)}
      />
      {may("webhook.test") && enabled && <Test webhook={webhook} />}
      {may("webhook.rotate") && <Rotate webhook={webhook} onSecret={onSecret} />}
      {may("webhook.modify") && <Switch webhook={webhook} />}
      {may("webhook.delete") && <Remove webhook={webhook} />}
    </span>
  );
}

interface ToolProps {
  label: string;
  icon: ReactNode;
  loading?: boolean;
  onClick: () => void;
}

function Tool({ label, icon, loading = false, onClick }: ToolProps) {
  return (
    <Button
      type="text"
      size="small"
      aria-label={label}
      title={label}
      icon={icon}
      loading={loading}
      onClick={onClick}
    />
  );
}

function Test({ webhook }: { webhook: WebhookView }) {
  const { t } = useTranslation();
  const { act } = useAct(
    (it: WebhookView) => unwrap(api.POST("/api/v1/webhooks/{webhook}:test", { params: path(it) })),
    () => t("webhook.test.done"),
    ["deliveries"],
  );
  return (
    <Tool
      label={t("webhook.test.of", { name: webhook.name })}
      icon={<Send size={15} aria-hidden />}
      loading={act.isPending}
      onClick={() => act.mutate(webhook)}
    />
  );
}

function Rotate({ webhook, onSecret }: { webhook: WebhookView; onSecret: (secret: string) => void }) {
  const { t } = useTranslation();
  const { name } = webhook;
  const { act, ask } = useAct(
    async (it: WebhookView) => {
      const made = await unwrap(api.POST("/api/v1/webhooks/{webhook}:rotate", { params: path(it) }));
      onSecret(made.secret);
    },
    () => t("webhook.rotated", { name }),
    ["webhooks"],
  );
  const question = {
    title: t("webhook.rotate.ask", { name }),
    hint: t("webhook.rotate.hint"),
    ok: t("webhook.rotate"),
    danger: false,
  };
  return (
    <Tool
      label={t("webhook.rotate.of", { name })}
      icon={<RefreshCw size={15} aria-hidden />}
      loading={act.isPending}
      onClick={() => ask(webhook, question)}
    />
  );
}

function Switch({ webhook }: { webhook: WebhookView }) {
  const { t } = useTranslation();
  const { name, enabled } = webhook;
  const { act, ask } = useAct(
    (it: WebhookView) =>
      unwrap(api.PATCH("/api/v1/webhooks/{webhook}", { params: seen(it), body: { enabled: !it.enabled } })),
    () => t("webhook.changed", { name }),
    ["webhooks", "deliveries"],
  );
  const question = {
    title: t("webhook.disable.ask", { name }),
    hint: t("webhook.disable.hint"),
    ok: t("webhook.disable"),
  };
  return (
    <Tool
      label={enabled ? t("webhook.disable.of", { name }) : t("webhook.enable.of", { name })}
      icon={enabled ? <Pause size={15} aria-hidden /> : <Play size={15} aria-hidden />}
      loading={act.isPending}
      onClick={() => (enabled ? ask(webhook, question) : act.mutate(webhook))}
    />
  );
}

function Remove({ webhook }: { webhook: WebhookView }) {
  const { t } = useTranslation();
  const { name } = webhook;
  const { act, ask } = useAct(
    (it: WebhookView) => unwrap(api.DELETE("/api/v1/webhooks/{webhook}", { params: seen(it) })),
    () => t("programs.deleted", { name }),
    ["webhooks"],
  );
  const question = {
    title: t("webhook.delete.ask", { name }),
    hint: t("webhook.delete.hint"),
    ok: t("programs.delete"),
  };
  return (
    <Tool
      label={t("programs.delete.of", { name })}
      icon={<Trash2 size={15} aria-hidden />}
      loading={act.isPending}
      onClick={() => ask(webhook, question)}
    />
  );
}
