import { Form, Input } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { create } from "../../api/passkeys";
import { FormDialog } from "../../parts/form-dialog";

interface Props {
  onClose: () => void;
  /** With recovery codes, if they are the first. */
  onConfirmed: (codes: string[]) => void;
}

/** What it is called; then the device makes the key. */
export function AddPasskey({ onClose, onConfirmed }: Props) {
  const { t } = useTranslation();
  const send = async ({ name }: { name: string }) => {
    const { ceremony, public_key } = await unwrap(api.POST("/api/v1/me/mfa/webauthn", {}));
    const credential = await create(public_key);
    const body = { ceremony, name, credential };
    // No key: recovery codes are never shown twice, and a ceremony is good once anyway.
    return unwrap(api.POST("/api/v1/me/mfa/webauthn:confirm", { body }));
  };
  return (
    <FormDialog
      title={t("factor.add_passkey")}
      ok={t("passkey.go")}
      width={420}
      initial={{ name: t("passkey.name.usual") }}
      send={send}
      onDone={({ recovery_codes }) => onConfirmed(recovery_codes)}
      onClose={onClose}
    >
      <p className="muted dialog-lead">{t("passkey.hint")}</p>
      <Form.Item
        name="name"
        label={t("factor.name")}
        extra={t("enrol.name.hint")}
        rules={[{ required: true }]}
      >
        <Input autoFocus autoComplete="off" maxLength={100} />
      </Form.Item>
    </FormDialog>
  );
}
