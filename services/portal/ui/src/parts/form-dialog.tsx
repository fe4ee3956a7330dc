import { useMutation } from "@tanstack/react-query";
import { Form, Modal } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useIdempotencyKey } from "../api/idempotency";
import { ProblemAlert, showOnFields } from "./problem";

interface Props<F, R> {
  title: string;
  ok: string;
  danger?: boolean;
  width?: number;
  initial?: Partial<F>;
  /** The key is the same for the same fields: see useIdempotencyKey. */
  send: (fields: F, key: string) => Promise<R>;
  onDone: (result: R) => void;
  onClose: () => void;
  /** May it be sent as it stands? */
  ready?: boolean;
  children: ReactNode;
}

/** A form over the page: sends, shows problems beside their fields, closes when it is done. */
export function FormDialog<F extends object, R>(props: Props<F, R>) {
  const { t } = useTranslation();
  const [form] = Form.useForm<F>();
  const [shown, setShown] = useState<Set<string>>();
  const keyFor = useIdempotencyKey();
  const send = useMutation({
    mutationFn: (fields: F) => props.send(fields, keyFor(fields)),
    onSuccess: props.onDone,
    onError: (error) => setShown(showOnFields(form, error)),
  });
  return (
    <Modal
      open
      title={props.title}
      okText={props.ok}
      okButtonProps={{ danger: props.danger ?? false, disabled: props.ready === false }}
      cancelText={t("vm.confirm.cancel")}
      confirmLoading={send.isPending}
      mask={{ closable: false }}
      width={props.width ?? 520}
      onOk={() => form.submit()}
      onCancel={props.onClose}
      destroyOnHidden
    >
      <Form<F>
        form={form}
        layout="vertical"
        requiredMark={false}
        {...(props.initial ? { initialValues: props.initial } : {})}
        onFinish={(fields) => send.mutate(fields)}
      >
        {props.children}
        {send.error && <ProblemAlert error={send.error} shown={shown} />}
        {/* So that Enter sends: the dialog's own button stands outside the form. */}
        <button type="submit" hidden />
      </Form>
    </Modal>
  );
}
