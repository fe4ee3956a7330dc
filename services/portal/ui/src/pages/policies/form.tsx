import { useMutation, useQueryClient } from "@tanstack/react-query";
import { App, Button, Form } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { me } from "../../api/queries";
import { useMay } from "../../may";
import { ProblemAlert, showOnFields } from "../../parts/problem";

interface Props<F> {
  initial: F;
  send: (fields: F) => Promise<unknown>;
  children: ReactNode;
}

/** Rules to read, and to change by whoever may. */
export function RulesForm<F extends object>({ initial, send, children }: Props<F>) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { message } = App.useApp();
  const may = useMay();
  const [form] = Form.useForm<F>();
  const [shown, setShown] = useState<Set<string>>();
  const save = useMutation({
    mutationFn: send,
    onSuccess: async () => {
      void message.success(t("policy.saved"));
      await Promise.all([
        client.invalidateQueries({ queryKey: ["policies"] }),
        client.invalidateQueries(me()),
      ]);
    },
    onError: (error) => setShown(showOnFields(form, error)),
  });
  return (
    <Form<F>
      form={form}
      layout="vertical"
      requiredMark={false}
      initialValues={initial}
      disabled={!may("policy.modify")}
      onFinish={(fields) => save.mutate(fields)}
    >
      {children}
      {save.error && <ProblemAlert error={save.error} shown={shown} />}
      {may("policy.modify") && (
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("policy.save")}
        </Button>
      )}
    </Form>
  );
}
