import { Form, Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { CreateApiKey } from "../../api/types";
import { FormDialog } from "../../parts/form-dialog";
import { NetworksField } from "../../parts/networks";
import { PermissionSelect } from "../../parts/permissions";
import { useMe } from "../../project";

const DAY = 86_400;
const DAYS = [7, 30, 90, 365];

interface Fields {
  name: string;
  scopes?: string[];
  project?: string;
  /** Seconds; 0: until it is revoked. */
  expires_in: number;
  networks?: string[];
}

export function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (key: string) => void }) {
  const { t } = useTranslation();
  const { projects } = useMe();
  const send = ({ name, scopes, project, expires_in, networks }: Fields, key: string) => {
    const body: CreateApiKey = {
      name,
      ...(scopes && scopes.length > 0 ? { scopes } : {}),
      ...(project ? { project } : {}),
      ...(expires_in > 0 ? { expires_in } : {}),
      networks: networks ?? [],
    };
    return unwrap(api.POST("/api/v1/me/api-keys", { body, params: { header: { "Idempotency-Key": key } } }));
  };
  return (
    <FormDialog<Fields, { key: string }>
      title={t("key.create")}
      ok={t("key.create")}
      initial={{ expires_in: 90 * DAY }}
      send={send}
      onDone={({ key }) => onMade(key)}
      onClose={onClose}
    >
      <Form.Item name="name" label={t("key.name")} extra={t("key.name.hint")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" maxLength={100} />
      </Form.Item>
      <Form.Item name="scopes" label={t("key.scopes")} extra={t("key.scopes.hint")}>
        <PermissionSelect placeholder={t("key.scopes.all")} />
      </Form.Item>
      <Form.Item name="project" label={t("key.project")}>
        <Select
          allowClear
          placeholder={t("key.where.all")}
          options={projects.map(({ id, name }) => ({ value: id, label: name }))}
        />
      </Form.Item>
      <Form.Item name="expires_in" label={t("key.expires")}>
        <Select
          options={[
            ...DAYS.map((days) => ({ value: days * DAY, label: t("key.expires.days", { days }) })),
            { value: 0, label: t("key.expires.never") },
          ]}
        />
      </Form.Item>
      <NetworksField name="networks" />
    </FormDialog>
  );
}
