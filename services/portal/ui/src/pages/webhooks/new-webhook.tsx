import { Form, Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { FormDialog } from "../../parts/form-dialog";

interface Fields {
  name: string;
  url: string;
  types?: string[];
}

/** A webhook to be; hands on its secret, which is shown once. */
export function NewWebhook({ onClose, onMade }: { onClose: () => void; onMade: (secret: string) => void }) {
  const { t } = useTranslation();
  const send = async ({ name, url, types }: Fields, key: string) => {
    const body = { name, url, types: types ?? [], enabled: true };
    const params = { header: { "Idempotency-Key": key } };
    return (await unwrap(api.POST("/api/v1/webhooks", { body, params }))).secret;
  };
  return (
    <FormDialog<Fields, string>
      title={t("webhook.create")}
      ok={t("webhook.create")}
      send={send}
      onDone={onMade}
      onClose={onClose}
    >
      <Form.Item name="name" label={t("key.name")} extra={t("role.name.hint")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" spellCheck={false} maxLength={63} />
      </Form.Item>
      <Form.Item
        name="url"
        label={t("webhook.url")}
        extra={t("webhook.url.hint")}
        rules={[{ required: true }]}
      >
        <Input autoComplete="off" spellCheck={false} maxLength={2048} inputMode="url" />
      </Form.Item>
      <Form.Item
        name="types"
        label={`${t("webhook.types")} (${t("auth.optional")})`}
        extra={t("webhook.types.hint")}
      >
        <Select mode="tags" open={false} suffix={null} tokenSeparators={[",", " "]} maxCount={50} />
      </Form.Item>
    </FormDialog>
  );
}
