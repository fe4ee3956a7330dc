import { useInfiniteQuery } from "@tanstack/react-query";
import { Button, Form, Input, Select, Switch } from "antd";
import { Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { groups } from "../../api/identity";
import type { ProviderView } from "../../api/providers";
import { FormDialog } from "../../parts/form-dialog";

interface Fields {
  name: string;
  display_name?: string;
  issuer: string;
  client_id: string;
  client_secret?: string;
  scopes: string[];
  enabled: boolean;
  create_users: boolean;
  groups_claim?: string;
  groups: { value?: string; group: string }[];
  second_factor: { acr: string[]; amr: string[] };
}

interface Props {
  /** None: a new one. */
  provider: ProviderView | undefined;
  onDone: (provider: ProviderView) => void;
  onClose: () => void;
}

const NEW: Partial<Fields> = {
  scopes: ["email", "profile"],
  enabled: true,
  create_users: false,
  groups: [],
  second_factor: { acr: [], amr: [] },
};

const fieldsOf = (of: ProviderView): Partial<Fields> => ({
  ...of,
  groups_claim: of.groups_claim ?? "",
  groups: of.groups.map(({ value, group }) => ({ group, ...(value ? { value } : {}) })),
});

export function EditProvider({ provider, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const send = (fields: Fields, key: string) => {
    const { issuer, client_secret, ...rest } = fields;
    const body = {
      ...rest,
      // Left empty, it stays as it is.
      ...(client_secret ? { client_secret } : {}),
      display_name: fields.display_name?.trim() ? fields.display_name : fields.name,
      groups_claim: fields.groups_claim ?? "",
      groups: fields.groups.map(({ value, group }) => ({ group, ...(value ? { value } : {}) })),
    };
    if (!provider) {
      const header = { "Idempotency-Key": key };
      return unwrap(
        api.POST("/api/v1/identity-providers", { body: { ...body, issuer }, params: { header } }),
      );
    }
    const header = { "If-Match": `"${provider.generation}"` };
    const path = { provider: provider.id };
    return unwrap(api.PATCH("/api/v1/identity-providers/{provider}", { params: { path, header }, body }));
  };
  return (
    <FormDialog<Fields, ProviderView>
      title={provider ? t("provider.edit.of", { name: provider.display_name }) : t("provider.create")}
      ok={provider ? t("group.save") : t("provider.create")}
      width={640}
      initial={provider ? fieldsOf(provider) : NEW}
      send={send}
      onDone={onDone}
      onClose={onClose}
    >
      <p className="dialog-lead">
        {t("provider.redirect")}{" "}
        <code className="wrap">{provider?.redirect_uri ?? `${location.origin}/sign-in/callback`}</code>
      </p>
      <Form.Item name="name" label={t("group.name")} extra={t("role.name.hint")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" spellCheck={false} maxLength={63} />
      </Form.Item>
      <Form.Item name="display_name" label={`${t("provider.display_name")} (${t("auth.optional")})`}>
        <Input autoComplete="off" maxLength={200} />
      </Form.Item>
      <Form.Item
        name="issuer"
        label={t("provider.issuer")}
        extra={t("provider.issuer.hint")}
        rules={[{ required: true }]}
      >
        <Input
          autoComplete="off"
          spellCheck={false}
          maxLength={500}
          disabled={provider !== undefined}
          placeholder="https://id.example.com/realms/corp"
        />
      </Form.Item>
      <Form.Item name="client_id" label={t("provider.client_id")} rules={[{ required: true }]}>
        <Input autoComplete="off" spellCheck={false} maxLength={255} />
      </Form.Item>
      <Form.Item
        name="client_secret"
        label={t("provider.client_secret")}
        extra={provider?.has_secret ? t("provider.client_secret.kept") : t("provider.client_secret.none")}
      >
        <Input.Password autoComplete="off" maxLength={1000} />
      </Form.Item>
      <Form.Item name="scopes" label={t("provider.scopes")} extra={t("provider.scopes.hint")}>
        <Select mode="tags" tokenSeparators={[" ", ","]} open={false} suffix={null} />
      </Form.Item>
      <Form.Item name="enabled" label={t("provider.enabled")} valuePropName="checked">
        <Switch />
      </Form.Item>
      <Form.Item
        name="create_users"
        label={t("provider.create_users")}
        extra={t("provider.create_users.hint")}
        valuePropName="checked"
      >
        <Switch />
      </Form.Item>
      <GroupRules />
      <Form.Item
        name={["second_factor", "acr"]}
        label={t("provider.acr")}
        extra={t("provider.second_factor.hint")}
      >
        <Select mode="tags" tokenSeparators={[" ", ","]} open={false} suffix={null} />
      </Form.Item>
      <Form.Item name={["second_factor", "amr"]} label={t("provider.amr")}>
        <Select mode="tags" tokenSeparators={[" ", ","]} open={false} suffix={null} />
      </Form.Item>
    </FormDialog>
  );
}

/** Which value of which claim leads to which group. */
function GroupRules() {
  const { t } = useTranslation();
  const list = useInfiniteQuery(groups());
  const options = list.data?.pages.flatMap(({ items }) => items).map(({ name }) => ({ value: name }));
  return (
    <>
      <Form.Item
        name="groups_claim"
        label={`${t("provider.groups_claim")} (${t("auth.optional")})`}
        extra={t("provider.groups_claim.hint")}
      >
        <Input autoComplete="off" spellCheck={false} maxLength={200} placeholder="groups" />
      </Form.Item>
      <Form.List name="groups">
        {(rules, { add, remove }) => (
          <Form.Item label={t("provider.groups")} extra={t("provider.groups.hint")}>
            {rules.map(({ key, name }) => (
              <div key={key} className="rule">
                <Form.Item name={[name, "value"]} noStyle>
                  <Input
                    aria-label={t("provider.groups.value")}
                    placeholder={t("provider.groups.everybody")}
                    maxLength={200}
                  />
                </Form.Item>
                <Form.Item name={[name, "group"]} noStyle rules={[{ required: true }]}>
                  <Select
                    aria-label={t("provider.groups.group")}
                    showSearch
                    {...(options ? { options } : {})}
                    placeholder={t("provider.groups.group")}
                  />
                </Form.Item>
                <Button
                  type="text"
                  aria-label={t("provider.groups.remove")}
                  icon={<Trash2 size={15} aria-hidden />}
                  onClick={() => remove(name)}
                />
              </div>
            ))}
            <Button type="dashed" icon={<Plus size={15} aria-hidden />} onClick={() => add({})}>
              {t("provider.groups.add")}
            </Button>
          </Form.Item>
        )}
      </Form.List>
    </>
  );
}
