import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { rulesOf } from "../../password";
import { NewPassword } from "../../parts/new-password";
import { Panel } from "../../parts/page";
import { ProblemAlert, showOnFields } from "../../parts/problem";
import { useMe } from "../../project";

interface Fields {
  current_password: string;
  new_password: string;
}

export function Password() {
  const { t } = useTranslation();
  return (
    <Panel title={t("password.title")}>
      <ChangePassword />
    </Panel>
  );
}

/** The form alone, for where nothing else is open. */
export function ChangePassword({ onDone }: { onDone?: () => void }) {
  const { t } = useTranslation();
  const mine = useMe();
  const { user } = mine;
  const client = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<Fields>();
  const [shown, setShown] = useState<Set<string>>();
  const change = useMutation({
    mutationFn: (body: Fields) => unwrap(api.POST("/api/v1/auth/password", { body })),
    onSuccess: async ({ sessions_ended: count }) => {
      form.resetFields();
      void message.success(t("password.changed", { count }));
      onDone?.();
      await client.invalidateQueries({ queryKey: ["sessions"] });
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });
  return (
    <Form<Fields>
      form={form}
      layout="vertical"
      requiredMark={false}
      onFinish={(fields) => change.mutate(fields)}
    >
      {/* So that a password manager knows whose it is. */}
      <input type="text" autoComplete="username" value={user.email} readOnly hidden />
      <Form.Item name="current_password" label={t("password.current")} rules={[{ required: true }]}>
        <Input.Password autoComplete="current-password" />
      </Form.Item>
      <NewPassword
        name="new_password"
        label={t("password.new")}
        rules={rulesOf(mine)}
        about={[user.email, user.display_name, mine.tenant.name]}
      />
      {change.error && <ProblemAlert error={change.error} shown={shown} />}
      <Button htmlType="submit" loading={change.isPending}>
        {t("password.change")}
      </Button>
    </Form>
  );
}
