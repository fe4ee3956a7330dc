import { Form, Input } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { ExternalKeyView } from "../../api/types";
import { keeperBody, type KeeperFields } from "../../keys";
import { FormDialog } from "../../parts/form-dialog";

interface Props {
  /** What is changed; none before the first. */
  external: ExternalKeyView | undefined;
  onClose: () => void;
  onDone: () => void;
}

/** Where the organisation keeps its key. The server proves it before anything changes; the token is never shown again. */
export function KeepKey({ external, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const send = (fields: KeeperFields) =>
    unwrap(api.PUT("/api/v1/tenant/keys/external", { body: keeperBody(fields) }));
  const optional = (name: string) => `${name} (${t("auth.optional")})`;
  return (
    <FormDialog<KeeperFields, unknown>
      title={t(external ? "keys.keeper.change" : "keys.keeper.set")}
      ok={t("keys.keeper.prove")}
      send={send}
      onDone={onDone}
      onClose={onClose}
      initial={{
        mount: external?.mount ?? "transit",
        ...(external && { url: external.url, key: external.key, namespace: external.namespace ?? "" }),
      }}
    >
      <p>{t("keys.keeper.warning")}</p>
      <Form.Item
        name="url"
        label={t("keys.keeper.url")}
        extra={t("keys.keeper.url.hint")}
        rules={[{ required: true }]}
      >
        <Input autoFocus autoComplete="off" spellCheck={false} maxLength={2048} inputMode="url" />
      </Form.Item>
      <Form.Item name="mount" label={t("keys.keeper.mount")} rules={[{ required: true }]}>
        <Input autoComplete="off" spellCheck={false} maxLength={64} />
      </Form.Item>
      <Form.Item
        name="key"
        label={t("keys.keeper.name")}
        extra={t("keys.keeper.name.hint")}
        rules={[{ required: true }]}
      >
        <Input autoComplete="off" spellCheck={false} maxLength={64} />
      </Form.Item>
      <Form.Item
        name="token"
        label={t("keys.keeper.token")}
        extra={t("keys.keeper.token.hint")}
        rules={[{ required: true }]}
      >
        <Input.Password autoComplete="off" maxLength={1000} />
      </Form.Item>
      <Form.Item name="namespace" label={optional(t("keys.keeper.namespace"))}>
        <Input autoComplete="off" spellCheck={false} maxLength={64} />
      </Form.Item>
      <Form.Item name="ca" label={optional(t("keys.keeper.ca"))} extra={t("keys.keeper.ca.hint")}>
        <Input.TextArea autoComplete="off" spellCheck={false} maxLength={32768} rows={3} />
      </Form.Item>
    </FormDialog>
  );
}
