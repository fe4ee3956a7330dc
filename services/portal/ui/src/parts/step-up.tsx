import { useMutation, useQuery } from "@tanstack/react-query";
import { Button, Form, Input, Modal } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../api/client";
import { factors } from "../api/identity";
import { onStepUp } from "../api/step-up";
import type { StepUp } from "../api/types";
import { RecoveryField, TotpField } from "./code-field";
import { Waiting } from "./page";
import { ProblemAlert, showOnFields } from "./problem";

/** Stands ready for the one question that any request may lead to: show again that it is you. */
export function StepUpDialog() {
  const [open, setOpen] = useState(false);
  const answer = useRef<(proven: boolean) => void>(undefined);

  useEffect(() => {
    const off = onStepUp(
      () =>
        new Promise<boolean>((resolve) => {
          answer.current = resolve;
          setOpen(true);
        }),
    );
    return () => {
      off();
      answer.current?.(false);
    };
  }, []);

  const close = (proven: boolean) => {
    setOpen(false);
    answer.current?.(proven);
  };
  return open && <StepUpQuestion onAnswer={close} />;
}

/** Asks for the strongest proof that the caller has. */
export function StepUpQuestion({ onAnswer }: { onAnswer: (proven: boolean) => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<StepUp>();
  const [shown, setShown] = useState<Set<string>>();
  const [recovery, setRecovery] = useState(false);
  // Who has a second factor must show it; a password is not enough then.
  const held = useQuery({ ...factors(), staleTime: 0 });
  const second = held.data?.items.some(({ confirmed }) => confirmed);

  const prove = useMutation({
    mutationFn: (body: StepUp) => unwrap(api.POST("/api/v1/auth/step-up", { body })),
    onSuccess: () => onAnswer(true),
    onError: (error) => setShown(showOnFields(form, error)),
  });
  // The field comes when it is known which one it is, and over another dialog the focus is not given by itself.
  const field = second === undefined ? undefined : !second ? "password" : recovery ? "recovery_code" : "code";
  const focus = () => field && form.focusField(field);
  useEffect(focus, [field, form]);
  return (
    <Modal
      open
      title={t("step_up.title")}
      afterOpenChange={focus}
      okText={t("step_up.confirm")}
      cancelText={t("vm.confirm.cancel")}
      confirmLoading={prove.isPending}
      okButtonProps={{ disabled: second === undefined }}
      width={420}
      // Whatever dialog asked for it stays beneath.
      zIndex={1200}
      mask={{ closable: false }}
      onOk={() => form.submit()}
      onCancel={() => onAnswer(false)}
    >
      <p className="muted dialog-lead">{t("step_up.why")}</p>
      {held.error && <ProblemAlert error={held.error} onRetry={() => void held.refetch()} />}
      {held.isPending && <Waiting />}
      {second !== undefined && (
        <Form<StepUp>
          form={form}
          layout="vertical"
          requiredMark={false}
          onFinish={(fields) => prove.mutate(fields)}
        >
          {!second && (
            <Form.Item name="password" label={t("auth.password")} rules={[{ required: true }]}>
              <Input.Password autoComplete="current-password" autoFocus />
            </Form.Item>
          )}
          {second && !recovery && <TotpField />}
          {second && recovery && <RecoveryField name="recovery_code" />}
          {prove.error && <ProblemAlert error={prove.error} shown={shown} />}
          {second && (
            <Button type="link" className="link-button" onClick={() => setRecovery(!recovery)}>
              {recovery ? t("factor.use_code") : t("factor.use_recovery")}
            </Button>
          )}
          <button type="submit" hidden />
        </Form>
      )}
    </Modal>
  );
}
