import { Form, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { FormDialog } from "./form-dialog";

interface Props {
  title: string;
  hint: string;
  ok: string;
  /** What has to be typed for it to go on. */
  word: string;
  send: () => Promise<unknown>;
  onDone: () => void;
  onClose: () => void;
}

/** For what cannot be undone: the name is typed, so that nobody does it to the wrong one. */
export function ConfirmTyped({ title, hint, ok, word, send, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  return (
    <FormDialog<{ typed: string }, unknown>
      title={title}
      ok={ok}
      danger
      width={460}
      ready={typed.trim() === word}
      send={send}
      onDone={onDone}
      onClose={onClose}
    >
      <p className="dialog-lead">{hint}</p>
      <Form.Item
        name="typed"
        label={t("confirm.type", { word })}
        // Enter must not get past a wrong word either.
        rules={[{ required: true, transform: (value: string) => value.trim(), type: "enum", enum: [word] }]}
        validateTrigger="onSubmit"
      >
        <Input
          autoFocus
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
        />
      </Form.Item>
    </FormDialog>
  );
}
