import { useMutation } from "@tanstack/react-query";
import { Button, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { EnrolledTotp } from "../../api/types";
import { TotpField } from "../../parts/code-field";
import { FormDialog } from "../../parts/form-dialog";
import { Code } from "../../parts/page";
import { ProblemAlert, showOnFields } from "../../parts/problem";

interface Props {
  onClose: () => void;
  /** With recovery codes, if they are the first. */
  onConfirmed: (codes: string[]) => void;
}

/** First what it is called, then the secret to scan, and a first code to show that it arrived. */
export function Enrol({ onClose, onConfirmed }: Props) {
  const { t } = useTranslation();
  const [made, setMade] = useState<EnrolledTotp>();
  if (made) return <Confirm made={made} onClose={onClose} onConfirmed={onConfirmed} />;
  return (
    <FormDialog<{ name: string }, EnrolledTotp>
      title={t("enrol.title")}
      ok={t("enrol.next")}
      width={420}
      initial={{ name: t("enrol.name.usual") }}
      // No key: a secret is never shown twice, and what was not confirmed goes with the next try.
      send={(body) => unwrap(api.POST("/api/v1/me/mfa/totp", { body }))}
      onDone={setMade}
      onClose={onClose}
    >
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

function Confirm({ made, onClose, onConfirmed }: Props & { made: EnrolledTotp }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ code: string }>();
  const [shown, setShown] = useState<Set<string>>();
  const confirm = useMutation({
    mutationFn: (body: { code: string }) =>
      unwrap(
        api.POST("/api/v1/me/mfa/totp/{factor}:confirm", {
          params: { path: { factor: made.factor.id } },
          body,
        }),
      ),
    onSuccess: ({ recovery_codes }) => onConfirmed(recovery_codes),
    onError: (error) => setShown(showOnFields(form, error)),
  });
  return (
    <Modal
      open
      title={t("enrol.title")}
      width={460}
      mask={{ closable: false }}
      onCancel={onClose}
      footer={[
        <Button key="cancel" onClick={onClose}>
          {t("vm.confirm.cancel")}
        </Button>,
        <Button key="ok" type="primary" loading={confirm.isPending} onClick={() => form.submit()}>
          {t("enrol.confirm")}
        </Button>,
      ]}
    >
      <div className="enrol">
        <p>{t("enrol.scan")}</p>
        <img src={made.qr} alt={t("enrol.qr")} className="qr" width={180} height={180} />
        <p className="muted">{t("enrol.type")}</p>
        <Code value={made.secret} />
      </div>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => confirm.mutate(fields)}>
        <TotpField />
        {confirm.error && <ProblemAlert error={confirm.error} shown={shown} />}
        <button type="submit" hidden />
      </Form>
    </Modal>
  );
}
