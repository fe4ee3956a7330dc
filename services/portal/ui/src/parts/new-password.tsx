import { Form, Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { isShaped, type Rules } from "../password";

interface Props {
  name: string | string[];
  label: string;
  rules: Rules;
  /** What attackers know of the person: a password made of it is weak. */
  about?: string[];
  autoFocus?: boolean;
}

/** Where a password is chosen: the rules, and how well it stands up to guessing. */
export function NewPassword({ name, label, rules, about = [], autoFocus = false }: Props) {
  const { t } = useTranslation();
  const form = Form.useFormInstance<Record<string, unknown>>();
  const text = (Form.useWatch(name, form) as string | undefined) ?? "";
  const hint =
    rules.kinds > 1
      ? t("password.hint.mixed", { length: rules.length, kinds: rules.kinds })
      : t("auth.password.hint");
  return (
    <Form.Item
      name={name}
      label={label}
      extra={
        <>
          {hint}
          <Meter text={text} about={about} />
        </>
      }
      rules={[
        { required: true },
        {
          validator: (_, value?: string) =>
            !value || isShaped(rules, value) ? Promise.resolve() : Promise.reject(new Error(hint)),
        },
      ]}
    >
      <Input.Password autoComplete="new-password" autoFocus={autoFocus} />
    </Form.Item>
  );
}

/** Below 3 the server refuses it. */
const wordFor = (score: number) =>
  score < 3 ? "password.strength.weak" : score < 4 ? "password.strength.good" : "password.strength.strong";

function Meter({ text, about }: { text: string; about: string[] }) {
  const { t } = useTranslation();
  const [score, setScore] = useState<number>();
  const known = about.join("\n");
  useEffect(() => {
    if (text === "") return;
    let late = false;
    // Without it the server's word has to do.
    void import("../strength").then(
      ({ strength }) => late || setScore(strength(text, known.split("\n").filter(Boolean))),
      () => undefined,
    );
    return () => {
      late = true;
    };
  }, [text, known]);

  const shown = text === "" ? undefined : score;
  const word = shown === undefined ? t("password.strength.none") : t(wordFor(shown));
  return (
    <span
      className={`strength strength-${shown ?? "none"}`}
      role="meter"
      aria-label={t("password.strength")}
      aria-valuemin={0}
      aria-valuemax={4}
      aria-valuenow={shown ?? 0}
      aria-valuetext={word}
    >
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <span aria-hidden="true">{shown === undefined ? "\u00a0" : word}</span>
    </span>
  );
}
