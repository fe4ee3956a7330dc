import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { Panel } from "../../parts/page";
import { ProblemAlert, showOnFields } from "../../parts/problem";
import { useMe } from "../../project";

interface Fields {
  current_password: string;
  new_password: string;
}

export function Password() {
  const { t } = useTranslation();
  const { user } = useMe();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<Fields>();
  const [shown, setShown] = useState<Set<string>>();
  const change = useMutation({
    mutationFn: (body: Fields) => unwrap(api.POST("/api/v1/auth/password", { body })),
    onSuccess: async ({ sessions_ended: count }) => {
      form.resetFields();
      void message.success(t("password.changed", { count }));
      await client.invalidateQueries({ queryKey: ["sessions"] });
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });
  return (
    <Panel title={t("password.title")}>
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
        <Form.Item
          name="new_password"
          label={t("password.new")}
          extra={t("auth.password.hint")}
          rules={[{ required: true, min: 15 }]}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        {change.error && <ProblemAlert error={change.error} shown={shown} />}
        <Button htmlType="submit" loading={change.isPending}>
          {t("password.change")}
        </Button>
      </Form>
    </Panel>
  );
}
