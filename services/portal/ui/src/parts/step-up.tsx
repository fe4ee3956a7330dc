import { useMutation, useQuery } from "@tanstack/react-query";
import { Button, Form, Input, Modal } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../api/client";
import { factors } from "../api/identity";
import { show as askDevice, supported } from "../api/passkeys";
import { onStepUp } from "../api/step-up";
import type { StepUp, StepUpPasskey } from "../api/types";
import { RecoveryField, TotpField } from "./code-field";
import { Waiting } from "./page";
import { ProblemAlert, showOnFields } from "./problem";
import { ProveByProvider } from "./prove-by-provider";
import { SendCode, SentField } from "./sent-code";
import { isWeaker, waysToStepUp, type StepUpWay } from "../ways";

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

const NAMES = {
  passkey: "factor.use_passkey",
  password: "auth.password",
  code: "factor.use_code",
  sms: "factor.use_sms",
  email: "factor.use_email",
  recovery_code: "factor.use_recovery",
} as const;

async function showPasskey(): Promise<StepUpPasskey> {
  const { ceremony, public_key } = await unwrap(api.POST("/api/v1/auth/step-up:begin", {}));
  return { ceremony, credential: await askDevice(public_key) };
}

/** Asks for the strongest proof that the caller has. */
export function StepUpQuestion({ onAnswer }: { onAnswer: (proven: boolean) => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<StepUp>();
  const [shown, setShown] = useState<Set<string>>();
  const [chosen, setChosen] = useState<StepUpWay>();
  const held = useQuery({ ...factors(), staleTime: 0 });
  const ways = held.data && waysToStepUp(held.data, supported());
  const way = chosen ?? ways?.[0];

  const prove = useMutation({
    mutationFn: async (body: StepUp) => {
      const proof = way === "passkey" ? { passkey: await showPasskey() } : body;
      return unwrap(api.POST("/api/v1/auth/step-up", { body: proof }));
    },
    onSuccess: () => onAnswer(true),
    onError: (error) => setShown(showOnFields(form, error)),
  });
  // The field comes when it is known which one it is, and over another dialog the focus is not given by itself.
  const focus = () => {
    if (way && way !== "passkey") form.focusField(isWeaker(way) ? "sent_code" : way);
  };
  useEffect(focus, [way, form]);
  return (
    <Modal
      open
      title={t("step_up.title")}
      afterOpenChange={focus}
      okText={way === "passkey" ? t("factor.use_passkey") : t("step_up.confirm")}
      cancelText={t("vm.confirm.cancel")}
      confirmLoading={prove.isPending}
      okButtonProps={{ disabled: way === undefined, autoFocus: way === "passkey" }}
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
      {ways && way && (
        <Form<StepUp>
          form={form}
          layout="vertical"
          requiredMark={false}
          onFinish={(fields) => prove.mutate(fields)}
        >
          {way === "passkey" && <p>{t("passkey.second")}</p>}
          {way === "password" && (
            <Form.Item name="password" label={t("auth.password")} rules={[{ required: true }]}>
              <Input.Password autoComplete="current-password" autoFocus />
            </Form.Item>
          )}
          {way === "code" && <TotpField />}
          {isWeaker(way) && (
            <>
              <SendCode
                key={way}
                send={() => unwrap(api.POST("/api/v1/auth/step-up:send", { body: { kind: way } }))}
              />
              <SentField name="sent_code" />
            </>
          )}
          {way === "recovery_code" && <RecoveryField name="recovery_code" />}
          {prove.error && <ProblemAlert error={prove.error} shown={shown} />}
          {way === "password" && <ProveByProvider />}
          <div className="door-ways">
            {ways
              .filter((other) => other !== way)
              .map((other) => (
                <Button
                  key={other}
                  type="link"
                  className="link-button"
                  onClick={() => {
                    prove.reset();
                    setChosen(other);
                  }}
                >
                  {t(NAMES[other])}
                </Button>
              ))}
          </div>
          <button type="submit" hidden />
        </Form>
      )}
    </Modal>
  );
}
