import { useMutation } from "@tanstack/react-query";
import { Button, Form } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../../api/client";
import { Problem } from "../../api/problem";
import type { MfaRequired, SignedIn } from "../../api/types";
import { RecoveryField, TotpField } from "../../parts/code-field";
import { ProblemAlert, showOnFields } from "../../parts/problem";

type Way = "totp" | "recovery";

interface Props {
  asked: MfaRequired;
  onDone: (answer: SignedIn) => void;
  onAgain: () => void;
}

/** The second half of a sign-in: a code of the authenticator, or one of those written down. */
export function SecondFactor({ asked, onDone, onAgain }: Props) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ code: string }>();
  const [shown, setShown] = useState<Set<string>>();
  const [way, setWay] = useState<Way>(asked.methods.includes("totp") ? "totp" : "recovery");
  const other: Way = way === "totp" ? "recovery" : "totp";

  const show = useMutation({
    mutationFn: ({ code }: { code: string }) => {
      const body = { challenge: asked.challenge, code };
      return unwrap(
        way === "totp"
          ? open.POST("/api/v1/auth/mfa/totp", { body })
          : open.POST("/api/v1/auth/mfa/recovery", { body }),
      );
    },
    onSuccess: onDone,
    onError: (error) => setShown(showOnFields(form, error)),
  });
  const refused = show.error && Problem.from(show.error).status === 401;

  return (
    <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => show.mutate(fields)}>
      {way === "totp" ? <TotpField /> : <RecoveryField name="code" />}
      {show.error && (
        <ProblemAlert error={show.error} title={refused ? t("factor.wrong") : undefined} shown={shown} />
      )}
      <Button type="primary" htmlType="submit" size="large" block loading={show.isPending}>
        {t("auth.sign_in")}
      </Button>
      <div className="door-ways">
        {asked.methods.includes(other) && (
          <Button
            type="link"
            className="link-button"
            onClick={() => {
              form.resetFields();
              show.reset();
              setWay(other);
            }}
          >
            {other === "recovery" ? t("factor.use_recovery") : t("factor.use_code")}
          </Button>
        )}
        <Button type="link" className="link-button" onClick={onAgain}>
          {t("auth.again")}
        </Button>
      </div>
    </Form>
  );
}
