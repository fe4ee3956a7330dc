import { useMutation } from "@tanstack/react-query";
import { Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../api/client";
import { Problem } from "../api/problem";
import { begin } from "../api/session";
import type { MfaRequired } from "../api/types";
import { ProblemAlert, showOnFields } from "../parts/problem";

interface Props {
  challenge: MfaRequired;
  onDone: () => void;
  onAnew: () => void;
}

/** The second half of a sign-in: an authenticator's code, or one that was written down. */
export function SecondFactor({ challenge: { challenge, methods }, onDone, onAnew }: Props) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ code: string }>();
  const [shown, setShown] = useState<Set<string>>();
  const [written, setWritten] = useState(!methods.includes("totp"));
  const show = useMutation({
    mutationFn: ({ code }: { code: string }) => {
      const body = { challenge, code };
      return unwrap(
        written
          ? open.POST("/api/v1/auth/mfa/recovery", { body })
          : open.POST("/api/v1/auth/mfa/totp", { body }),
      );
    },
    onSuccess: (answer) => {
      begin(answer);
      onDone();
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });
  const turn = () => {
    show.reset();
    form.resetFields();
    setWritten(!written);
  };
  const wrong = show.error && Problem.from(show.error).status === 401;

  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{t("auth.sign_in")}</h1>
      <p className="muted">{t("auth.code.sub")}</p>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => show.mutate(fields)}>
        <Form.Item
          key={written ? "recovery" : "totp"}
          name="code"
          label={written ? t("auth.recovery") : t("auth.code")}
          rules={[{ required: true }]}
        >
          <Input
            autoFocus
            spellCheck={false}
            autoComplete={written ? "off" : "one-time-code"}
            inputMode={written ? "text" : "numeric"}
          />
        </Form.Item>
        {show.error && (
          <ProblemAlert error={show.error} title={wrong ? t("auth.code.wrong") : undefined} shown={shown} />
        )}
        <Button type="primary" htmlType="submit" size="large" block loading={show.isPending}>
          {t("auth.sign_in")}
        </Button>
      </Form>
      <p className="door-other">
        {methods.includes("recovery") && (
          <Button type="link" onClick={turn}>
            {written ? t("auth.code.use") : t("auth.recovery.use")}
          </Button>
        )}
        <Button type="link" onClick={onAnew}>
          {t("auth.code.anew")}
        </Button>
      </p>
    </section>
  );
}
