import { Form, Input } from "antd";
import { useTranslation } from "react-i18next";

/** The six digits of an authenticator, under the name `code`. */
export function TotpField() {
  const { t } = useTranslation();
  return (
    <Form.Item
      name="code"
      label={t("factor.code")}
      extra={t("factor.code.hint")}
      // An authenticator's app shows them in two groups; the space is no mistake.
      normalize={(typed: string) => typed.replace(/\s/g, "")}
      rules={[{ required: true, pattern: /^\d{6}$/, message: t("factor.code.bad") }]}
    >
      <Input
        className="code-input"
        inputMode="numeric"
        autoComplete="one-time-code"
        autoFocus
        maxLength={7}
      />
    </Form.Item>
  );
}

/** One of the codes that were written down, under the name the API gives it here. */
export function RecoveryField({ name }: { name: string }) {
  const { t } = useTranslation();
  return (
    <Form.Item
      name={name}
      label={t("factor.recovery")}
      extra={t("factor.recovery.hint")}
      normalize={(typed: string) => typed.trim()}
      rules={[{ required: true }]}
    >
      <Input className="mono" autoComplete="off" spellCheck={false} autoCapitalize="off" autoFocus />
    </Form.Item>
  );
}
