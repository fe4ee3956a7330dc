import { Form, Input } from "antd";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { FactorView } from "../../api/types";
import { FormDialog } from "../../parts/form-dialog";

interface Props {
  factor: FactorView;
  onDone: () => void;
  onClose: () => void;
}

export function RenameFactor({ factor, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const send = (body: { name: string }) => {
    const header = { "If-Match": `"${factor.generation}"` };
    return unwrap(
      api.PATCH("/api/v1/me/mfa/{factor}", { params: { path: { factor: factor.id }, header }, body }),
    );
  };
  return (
    <FormDialog
      title={t("factor.rename.of", { name: factor.name })}
      ok={t("factor.rename")}
      width={420}
      initial={{ name: factor.name }}
      send={send}
      onDone={onDone}
      onClose={onClose}
    >
      <Form.Item name="name" label={t("factor.name")} rules={[{ required: true }]}>
        <Input autoFocus autoComplete="off" maxLength={100} />
      </Form.Item>
    </FormDialog>
  );
}
