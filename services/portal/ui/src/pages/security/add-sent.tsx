import { useMutation } from "@tanstack/react-query";
import { Button, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import type { EnrolledSent } from "../../api/types";
import { FormDialog } from "../../parts/form-dialog";
import { ProblemAlert, showOnFields } from "../../parts/problem";
import { SentField } from "../../parts/sent-code";
import type { Weaker } from "../../ways";

interface Props {
  kind: Weaker;
  onClose: () => void;
  /** With recovery codes, if they are the first. */
  onConfirmed: (codes: string[]) => void;
}

const TITLES = { sms: "sent.add.sms", email: "sent.add.email" } as const;
const WHY = { sms: "sent.why.sms", email: "sent.why.email" } as const;

/** First where codes go, and that they are weaker; then the first code, to show that it arrived. */
export function AddSent({ kind, onClose, onConfirmed }: Props) {
  const { t } = useTranslation();
  const [made, setMade] = useState<EnrolledSent>();
  if (made) return <Confirm kind={kind} made={made} onClose={onClose} onConfirmed={onConfirmed} />;
  const send = ({ name, phone = "" }: { name: string; phone?: string }, key: string) => {
    const params = { header: { "Idempotency-Key": key } };
    return unwrap(
      kind === "sms"
        ? api.POST("/api/v1/me/mfa/sms", { body: { name, phone }, params })
        : api.POST("/api/v1/me/mfa/email", { body: { name }, params }),
    );
  };
  return (
    <FormDialog<{ name: string; phone?: string }, EnrolledSent>
      title={t(TITLES[kind])}
      ok={t("sent.send")}
      width={420}
      initial={{ name: t(`sent.name.${kind}`) }}
      send={send}
      onDone={setMade}
      onClose={onClose}
    >
      <p className="muted dialog-lead">{t(WHY[kind])}</p>
      {kind === "sms" && (
        <Form.Item
          name="phone"
          label={t("sent.phone")}
          extra={t("sent.phone.hint")}
          rules={[{ required: true }]}
        >
          <Input type="tel" autoComplete="tel" autoFocus maxLength={64} placeholder="+49 151 12345678" />
        </Form.Item>
      )}
      <Form.Item
        name="name"
        label={t("factor.name")}
        extra={t("enrol.name.hint")}
        rules={[{ required: true }]}
      >
        <Input autoFocus={kind === "email"} autoComplete="off" maxLength={100} />
      </Form.Item>
    </FormDialog>
  );
}

function Confirm({ kind, made, onClose, onConfirmed }: Props & { made: EnrolledSent }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ code: string }>();
  const [shown, setShown] = useState<Set<string>>();
  const confirm = useMutation({
    mutationFn: (body: { code: string }) => {
      const ask = { params: { path: { factor: made.factor.id } }, body };
      return unwrap(
        kind === "sms"
          ? api.POST("/api/v1/me/mfa/sms/{factor}:confirm", ask)
          : api.POST("/api/v1/me/mfa/email/{factor}:confirm", ask),
      );
    },
    onSuccess: ({ recovery_codes }) => onConfirmed(recovery_codes),
    onError: (error) => setShown(showOnFields(form, error)),
  });
  return (
    <Modal
      open
      title={t(TITLES[kind])}
      width={420}
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
      <p className="muted dialog-lead">{t("sent.on_its_way", { to: made.sent_to })}</p>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => confirm.mutate(fields)}>
        <SentField name="code" />
        {confirm.error && <ProblemAlert error={confirm.error} shown={shown} />}
        <button type="submit" hidden />
      </Form>
    </Modal>
  );
}
