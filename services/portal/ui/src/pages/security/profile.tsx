import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../../api/client";
import { me } from "../../api/queries";
import { FormDialog } from "../../parts/form-dialog";
import { Panel } from "../../parts/page";
import { ProblemAlert, showOnFields } from "../../parts/problem";
import { useMe } from "../../project";

interface Fields {
  display_name: string;
}

function ChangeEmail({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  return (
    <FormDialog<{ email: string }, string>
      title={t("email.change")}
      ok={t("email.send")}
      width={420}
      send={async ({ email }, key) => {
        const params = { header: { "Idempotency-Key": key } };
        await unwrap(api.POST("/api/v1/me/email", { body: { email }, params }));
        return email;
      }}
      onDone={(email) => {
        onClose();
        void message.success(t("email.sent", { email }), 8);
      }}
      onClose={onClose}
    >
      <Form.Item
        name="email"
        label={t("email.new")}
        extra={t("email.hint")}
        rules={[{ required: true, type: "email" }]}
      >
        <Input type="email" autoFocus autoComplete="email" spellCheck={false} />
      </Form.Item>
    </FormDialog>
  );
}

export function Profile() {
  const { t } = useTranslation();
  const { user } = useMe();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [form] = Form.useForm<Fields>();
  const [shown, setShown] = useState<Set<string>>();
  const save = useMutation({
    mutationFn: (body: Fields) => unwrap(api.PATCH("/api/v1/me", { body })),
    onSuccess: async () => {
      await client.refetchQueries(me());
      void message.success(t("profile.saved"));
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });
  const [changing, setChanging] = useState(false);
  return (
    <Panel
      title={t("profile.title")}
      extra={
        <Button size="small" onClick={() => setChanging(true)}>
          {t("email.change")}
        </Button>
      }
    >
      <Form<Fields>
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ display_name: user.display_name }}
        onFinish={(fields) => save.mutate(fields)}
      >
        <Form.Item name="display_name" label={t("auth.display_name")} rules={[{ required: true }]}>
          <Input autoComplete="name" maxLength={200} />
        </Form.Item>
        {save.error && <ProblemAlert error={save.error} shown={shown} />}
        <Button htmlType="submit" loading={save.isPending}>
          {t("profile.save")}
        </Button>
      </Form>
      {changing && <ChangeEmail onClose={() => setChanging(false)} />}
    </Panel>
  );
}
