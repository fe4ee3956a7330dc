import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Alert, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../api/client";
import { DoorCard } from "../parts/door-card";
import { ProblemAlert, showOnFields } from "../parts/problem";

interface Fields {
  email: string;
  tenant?: string;
}

/** Asks for a letter. What it says afterwards is the same whoever was named. */
export function Forgot() {
  const { t } = useTranslation();
  const [form] = Form.useForm<Fields>();
  const [shown, setShown] = useState<Set<string>>();
  const ask = useMutation({
    mutationFn: ({ email, tenant }: Fields) =>
      unwrap(open.POST("/api/v1/auth/password-reset", { body: { email, ...(tenant ? { tenant } : {}) } })),
    onError: (error) => setShown(showOnFields(form, error)),
  });
  return (
    <DoorCard title={t("forgot.title")} sub={t("forgot.sub")}>
      {ask.isSuccess ? (
        <Alert type="success" showIcon title={t("forgot.sent")} description={t("forgot.sent.hint")} />
      ) : (
        <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => ask.mutate(fields)}>
          <Form.Item name="email" label={t("auth.email")} rules={[{ required: true, type: "email" }]}>
            <Input type="email" autoComplete="username" autoFocus />
          </Form.Item>
          <Form.Item name="tenant" label={t("auth.tenant.optional")}>
            <Input autoComplete="organization" spellCheck={false} />
          </Form.Item>
          {ask.error && <ProblemAlert error={ask.error} shown={shown} />}
          <Button type="primary" htmlType="submit" size="large" block loading={ask.isPending}>
            {t("forgot.send")}
          </Button>
        </Form>
      )}
      <p className="door-other">
        <Link to="/sign-in">{t("auth.sign_in")}</Link>
      </p>
    </DoorCard>
  );
}
