import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Alert, Button, Form } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../api/client";
import { Problem } from "../api/problem";
import { end } from "../api/session";
import { tokenOf } from "../invitation";
import { DoorCard } from "../parts/door-card";
import { NewPassword } from "../parts/new-password";
import { ProblemAlert, showOnFields } from "../parts/problem";
import { rulesIn } from "../password";

/** Where a password letter's link leads. Its token stands behind the `#`, which no browser sends anywhere. */
export function Reset() {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ password: string }>();
  const [shown, setShown] = useState<Set<string>>();
  const [token] = useState(() => tokenOf(location.hash));
  const [rules] = useState(() => rulesIn(location.hash));
  const reset = useMutation({
    mutationFn: async ({ password }: { password: string }) => {
      await unwrap(
        open.POST("/api/v1/auth/password-reset/confirm", { body: { token: token ?? "", password } }),
      );
      // Whoever is signed in here may be the one whose sessions have just ended.
      await end();
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });
  const void_ = reset.error && Problem.from(reset.error).status === 401;
  return (
    <DoorCard title={t("reset.title")} sub={t("reset.sub")}>
      {!token && <Alert type="warning" showIcon title={t("reset.no_token")} />}
      {reset.isSuccess && (
        <Alert type="success" showIcon title={t("reset.done")} description={t("reset.done.hint")} />
      )}
      {token && !reset.isSuccess && (
        <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => reset.mutate(fields)}>
          <NewPassword name="password" label={t("password.new")} rules={rules} autoFocus />
          {reset.error && (
            <ProblemAlert error={reset.error} title={void_ ? t("reset.void") : undefined} shown={shown} />
          )}
          <Button type="primary" htmlType="submit" size="large" block loading={reset.isPending}>
            {t("reset.go")}
          </Button>
        </Form>
      )}
      <p className="door-other">
        {void_ || !token ? (
          <Link to="/forgot">{t("forgot.link")}</Link>
        ) : (
          <Link to="/sign-in">{t("auth.sign_in")}</Link>
        )}
      </p>
    </DoorCard>
  );
}
