import { Form, Input, InputNumber, Select } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { OperatorAccessView, TenantRecordView } from "../../api/types";
import { known } from "../../i18n";
import { FormDialog } from "../../parts/form-dialog";

const ROLES = ["viewer", "auditor", "operator"];

interface Props {
  tenant: TenantRecordView;
  onClose: () => void;
  onDone: () => void;
}

interface Asked {
  role: string;
  reason: string;
  minutes: number;
}

/** Asks a tenant to be let in. */
export function AskForAccess({ tenant, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const send = (fields: Asked, key: string) =>
    unwrap(
      api.POST("/api/v1/system/operator-access", {
        body: { tenant_id: tenant.id, ...fields },
        params: { header: { "Idempotency-Key": key } },
      }),
    );
  return (
    <FormDialog<Asked, OperatorAccessView>
      title={t("access.ask.of", { name: tenant.name })}
      ok={t("access.ask")}
      initial={{ role: "viewer", minutes: 60 }}
      send={send}
      onDone={onDone}
      onClose={onClose}
    >
      <p className="muted dialog-lead">{t("access.ask.hint")}</p>
      <Reason />
      <AsRole />
      <Form.Item name="minutes" label={t("access.minutes")} rules={[{ required: true }]}>
        <InputNumber min={15} max={1440} step={15} />
      </Form.Item>
    </FormDialog>
  );
}

type Emergency = Omit<Asked, "minutes">;

/** Opens an emergency, which another operator must confirm. */
export function BreakGlass({ tenant, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const send = (fields: Emergency, key: string) =>
    unwrap(
      api.POST("/api/v1/system/break-glass", {
        body: { tenant_id: tenant.id, ...fields },
        params: { header: { "Idempotency-Key": key } },
      }),
    );
  return (
    <FormDialog<Emergency, OperatorAccessView>
      title={t("access.break.of", { name: tenant.name })}
      ok={t("access.break")}
      danger
      initial={{ role: "viewer" }}
      send={send}
      onDone={onDone}
      onClose={onClose}
    >
      <p className="muted dialog-lead">{t("access.break.hint")}</p>
      <Reason />
      <AsRole />
    </FormDialog>
  );
}

function Reason() {
  const { t } = useTranslation();
  return (
    <Form.Item
      name="reason"
      label={t("access.reason")}
      extra={t("access.reason.hint")}
      rules={[{ required: true, min: 3, max: 500 }]}
    >
      <Input autoFocus autoComplete="off" />
    </Form.Item>
  );
}

function AsRole() {
  const { t } = useTranslation();
  return (
    <Form.Item name="role" label={t("access.role")}>
      <Select options={ROLES.map((value) => ({ value, label: known("role", value) }))} />
    </Form.Item>
  );
}
