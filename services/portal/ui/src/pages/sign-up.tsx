import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Button, Form, Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../api/client";
import { begin } from "../api/session";
import { setPrefs } from "../prefs";
import { USUAL } from "../password";
import { NewPassword } from "../parts/new-password";
import { ProblemAlert, showOnFields } from "../parts/problem";

interface Fields {
  tenant: { name: string; display_name?: string };
  user: { email: string; password: string; display_name?: string };
}

export function SignUp() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [form] = Form.useForm<Fields>();
  const [shown, setShown] = useState<Set<string>>();
  const title = t("auth.sign_up");
  const tab = t("app.title");
  useEffect(() => {
    document.title = `${title} · ${tab}`;
  }, [title, tab]);

  const join = useMutation({
    mutationFn: async ({ tenant, user }: Fields) => {
      const body = {
        tenant: { name: tenant.name, ...(tenant.display_name ? { display_name: tenant.display_name } : {}) },
        user: {
          email: user.email,
          password: user.password,
          ...(user.display_name ? { display_name: user.display_name } : {}),
        },
      };
      const made = await unwrap(open.POST("/api/v1/auth/signup", { body }));
      const { email, password } = user;
      const answer = await unwrap(
        open.POST("/api/v1/auth/login", { body: { email, password, tenant: tenant.name } }),
      );
      return { made, answer };
    },
    onSuccess: ({ made, answer }) => {
      setPrefs({ project: made.project_id });
      // Nobody has a second factor a moment after signing up.
      if (answer.status === "authenticated") begin(answer);
      void navigate({ to: "/", replace: true });
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });

  const optional = t("auth.optional");
  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{title}</h1>
      <p className="muted">{t("auth.sign_up.sub")}</p>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => join.mutate(fields)}>
        <Form.Item
          name={["tenant", "name"]}
          label={t("auth.tenant.name")}
          extra={t("auth.tenant.name.hint")}
          rules={[{ required: true }]}
        >
          <Input autoComplete="organization" spellCheck={false} autoFocus maxLength={63} />
        </Form.Item>
        <Form.Item name={["tenant", "display_name"]} label={`${t("auth.tenant.display")} (${optional})`}>
          <Input autoComplete="off" maxLength={200} />
        </Form.Item>
        <Form.Item
          name={["user", "email"]}
          label={t("auth.email")}
          rules={[{ required: true, type: "email" }]}
        >
          <Input type="email" autoComplete="username" />
        </Form.Item>
        <NewPassword name={["user", "password"]} label={t("auth.password")} rules={USUAL} />
        <Form.Item name={["user", "display_name"]} label={`${t("auth.display_name")} (${optional})`}>
          <Input autoComplete="name" maxLength={200} />
        </Form.Item>
        {join.error && <ProblemAlert error={join.error} shown={shown} />}
        <Button type="primary" htmlType="submit" size="large" block loading={join.isPending}>
          {t("auth.sign_up")}
        </Button>
      </Form>
      <p className="door-other">
        <Link to="/sign-in">{t("auth.to_sign_in")}</Link>
      </p>
    </section>
  );
}
