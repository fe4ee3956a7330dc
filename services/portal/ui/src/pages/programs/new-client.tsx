import { Form, Input, Radio, Select } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { CreateOauthClient } from "../../api/types";
import { FormDialog } from "../../parts/form-dialog";
import { PermissionSelect } from "../../parts/permissions";

type Fields = Pick<CreateOauthClient, "name" | "kind" | "redirect_uris" | "scopes">;

export function NewClient({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (secret: string | undefined) => void;
}) {
  const { t } = useTranslation();
  const send = (fields: Fields, key: string) => {
    const body: CreateOauthClient = { ...fields, grant_types: ["authorization_code", "refresh_token"] };
    return unwrap(
      api.POST("/api/v1/oauth-clients", { body, params: { header: { "Idempotency-Key": key } } }),
    );
  };
  return (
    <FormDialog<Fields, { client_secret?: string | null }>
      title={t("client.create")}
      ok={t("client.create")}
      initial={{ kind: "confidential", scopes: ["openid", "profile", "email"] }}
      send={send}
      onDone={({ client_secret }) => onMade(client_secret ?? undefined)}
      onClose={onClose}
    >
      <Form.Item name="name" label={t("key.name")} extra={t("client.name.hint")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" maxLength={100} />
      </Form.Item>
      <Form.Item name="kind" label={t("client.kind")} extra={t("client.kind.hint")}>
        <Radio.Group
          options={[
            { value: "confidential", label: t("client.kind.confidential") },
            { value: "public", label: t("client.kind.public") },
          ]}
        />
      </Form.Item>
      <Form.Item
        name="redirect_uris"
        label={t("client.redirect")}
        extra={t("client.redirect.hint")}
        rules={[{ required: true }]}
      >
        <Select mode="tags" tokenSeparators={[" ", ","]} open={false} suffix={null} />
      </Form.Item>
      <Form.Item
        name="scopes"
        label={t("key.scopes")}
        extra={t("client.scopes.hint")}
        rules={[{ required: true }]}
      >
        <PermissionSelect />
      </Form.Item>
    </FormDialog>
  );
}
