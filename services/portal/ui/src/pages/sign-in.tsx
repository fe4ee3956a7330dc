import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Alert, Button, Form, Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../api/client";
import { Problem } from "../api/problem";
import { begin } from "../api/session";
import type { MfaRequired, SignedIn } from "../api/types";
import { ProblemAlert, showOnFields } from "../parts/problem";
import { PasskeyDoor } from "./sign-in/passkey-door";
import { Providers } from "./sign-in/providers";
import { SecondFactor } from "./sign-in/second-factor";

interface Fields {
  email: string;
  password: string;
  tenant?: string;
}

export function SignIn() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { next } = useSearch({ from: "/anonymous/sign-in" });
  const [form] = Form.useForm<Fields>();
  const tenant = Form.useWatch("tenant", form);
  const [shown, setShown] = useState<Set<string>>();
  const [asked, setAsked] = useState<MfaRequired>();
  const title = asked ? t("auth.second") : t("auth.sign_in");
  const tab = t("app.title");
  useEffect(() => {
    document.title = `${title} · ${tab}`;
  }, [title, tab]);

  const enter = (answer: SignedIn) => {
    begin(answer);
    void navigate({ to: next ?? "/", replace: true });
  };
  const login = useMutation({
    mutationFn: ({ email, password, tenant }: Fields) =>
      unwrap(open.POST("/api/v1/auth/login", { body: { email, password, ...(tenant ? { tenant } : {}) } })),
    onSuccess: (answer) => (answer.status === "mfa_required" ? setAsked(answer) : enter(answer)),
    onError: (error) => setShown(showOnFields(form, error)),
  });
  const wrong = login.error && Problem.from(login.error).status === 401;

  if (asked) {
    return (
      <section className="door-card" aria-labelledby="door-title">
        <h1 id="door-title">{title}</h1>
        <p className="muted">{t("auth.second.sub")}</p>
        <SecondFactor
          asked={asked}
          onDone={enter}
          onAgain={() => {
            setAsked(undefined);
            login.reset();
          }}
        />
      </section>
    );
  }
  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{title}</h1>
      <p className="muted">{t("auth.sign_in.sub")}</p>
      {next && !login.isPending && !login.error && <Alert type="info" showIcon title={t("auth.ended")} />}
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => login.mutate(fields)}>
        <Form.Item name="email" label={t("auth.email")} rules={[{ required: true }]}>
          <Input type="email" autoComplete="username webauthn" autoFocus />
        </Form.Item>
        <Form.Item name="password" label={t("auth.password")} rules={[{ required: true }]}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <Form.Item name="tenant" label={t("auth.tenant.optional")}>
          <Input autoComplete="organization" spellCheck={false} />
        </Form.Item>
        {login.error && (
          <ProblemAlert error={login.error} title={wrong ? t("auth.wrong") : undefined} shown={shown} />
        )}
        <Button type="primary" htmlType="submit" size="large" block loading={login.isPending}>
          {t("auth.sign_in")}
        </Button>
      </Form>
      <PasskeyDoor onDone={enter} />
      <Providers tenant={tenant} next={next} />
      <p className="door-other">
        <Link to="/forgot">{t("forgot.link")}</Link>
      </p>
      <p className="door-other">
        <Link to="/sign-up">{t("auth.to_sign_up")}</Link>
      </p>
    </section>
  );
}
