import { useMutation } from "@tanstack/react-query";
import { Button, Form, Input } from "antd";
import { Send } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { SentCode } from "../api/types";
import { ProblemAlert } from "./problem";

/** The eight digits that were sent. */
export function SentField({ name }: { name: string }) {
  const { t } = useTranslation();
  return (
    <Form.Item
      name={name}
      label={t("factor.code")}
      extra={t("sent.code.hint")}
      normalize={(typed: string) => typed.replace(/[\s-]/g, "")}
      rules={[{ required: true, pattern: /^\d{8}$/, message: t("sent.code.bad") }]}
    >
      <Input
        className="code-input"
        inputMode="numeric"
        autoComplete="one-time-code"
        autoFocus
        maxLength={10}
      />
    </Form.Item>
  );
}

/** Nothing is sent before somebody asks for it; a new code takes the place of the one before. */
export function SendCode({ send }: { send: () => Promise<SentCode> }) {
  const { t } = useTranslation();
  const ask = useMutation({ mutationFn: send });
  return (
    <div className="send-code">
      <p className="muted" role="status">
        {ask.data ? t("sent.on_its_way", { to: ask.data.sent_to }) : t("sent.weaker")}
      </p>
      {ask.error && <ProblemAlert error={ask.error} />}
      <Button icon={<Send size={14} aria-hidden />} loading={ask.isPending} onClick={() => ask.mutate()}>
        {ask.data ? t("sent.again") : t("sent.send")}
      </Button>
    </div>
  );
}
