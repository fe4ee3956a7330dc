import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Alert, Button, Form, Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../api/client";
import { Problem } from "../api/problem";
import { begin, signedIn } from "../api/session";
import { tokenOf } from "../invitation";
import { rulesIn } from "../password";
import { NewPassword } from "../parts/new-password";
import { ProblemAlert, showOnFields } from "../parts/problem";

interface Fields {
  display_name?: string;
  password: string;
}

/** Where an invitation's link leads. Its token stands behind the `#`, which no browser sends anywhere. */
export function Accept() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [form] = Form.useForm<Fields>();
  const [shown, setShown] = useState<Set<string>>();
  const [token] = useState(() => tokenOf(location.hash));
  const [rules] = useState(() => rulesIn(location.hash));
  const [guest] = useState(() => !signedIn());
  const title = t("accept.title");
  const tab = t("app.title");
  useEffect(() => {
    document.title = `${title} · ${tab}`;
  }, [title, tab]);

  const accept = useMutation({
    mutationFn: async ({ display_name, password }: Fields) => {
      const body = { token: token ?? "", password, ...(display_name ? { display_name } : {}) };
      const { email, tenant } = await unwrap(open.POST("/api/v1/auth/accept-invitation", { body }));
      return unwrap(open.POST("/api/v1/auth/login", { body: { email, password, tenant } }));
    },
    onSuccess: (answer) => {
      // Who has just come has no second factor yet.
      if (answer.status === "authenticated") begin(answer);
      void navigate({ to: "/", replace: true });
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });
  const void_ = accept.error && Problem.from(accept.error).status === 401;

  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{title}</h1>
      <p className="muted">{t("accept.sub")}</p>
      {!token && <Alert type="warning" showIcon title={t("accept.no_token")} />}
      {!guest && <Alert type="info" showIcon title={t("accept.signed_in")} />}
      {token && (
        <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => accept.mutate(fields)}>
          <Form.Item name="display_name" label={`${t("auth.display_name")} (${t("auth.optional")})`}>
            <Input autoComplete="name" maxLength={200} autoFocus />
          </Form.Item>
          <NewPassword name="password" label={t("auth.password")} rules={rules} />
          {accept.error && (
            <ProblemAlert error={accept.error} title={void_ ? t("accept.void") : undefined} shown={shown} />
          )}
          <Button type="primary" htmlType="submit" size="large" block loading={accept.isPending}>
            {t("accept.go")}
          </Button>
        </Form>
      )}
      <p className="door-other">
        <Link to="/sign-in">{t("auth.to_sign_in")}</Link>
      </p>
    </section>
  );
}
