import { useMutation } from "@tanstack/react-query";
import { Button, Form } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../../api/client";
import { show as askDevice, supported } from "../../api/passkeys";
import { Problem } from "../../api/problem";
import type { MfaRequired, SignedIn } from "../../api/types";
import { RecoveryField, TotpField } from "../../parts/code-field";
import { ProblemAlert, showOnFields } from "../../parts/problem";

const WAYS = ["webauthn", "totp", "recovery"] as const;
type Way = (typeof WAYS)[number];

const NAMES = {
  webauthn: "factor.use_passkey",
  totp: "factor.use_code",
  recovery: "factor.use_recovery",
} as const;

async function showPasskey(challenge: string): Promise<SignedIn> {
  const { ceremony, public_key } = await unwrap(
    open.POST("/api/v1/auth/mfa/webauthn:begin", { body: { challenge } }),
  );
  const credential = await askDevice(public_key);
  return unwrap(open.POST("/api/v1/auth/mfa/webauthn", { body: { challenge, ceremony, credential } }));
}

interface Props {
  asked: MfaRequired;
  onDone: (answer: SignedIn) => void;
  onAgain: () => void;
}

/** The second half of a sign-in: a passkey, a code of the authenticator, or one of those written down. */
export function SecondFactor({ asked, onDone, onAgain }: Props) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ code?: string }>();
  const [shown, setShown] = useState<Set<string>>();
  const ways = WAYS.filter((way) => asked.methods.includes(way) && (way !== "webauthn" || supported()));
  const [way, setWay] = useState<Way>(ways[0] ?? "recovery");

  const show = useMutation({
    mutationFn: ({ code = "" }: { code?: string }) => {
      if (way === "webauthn") return showPasskey(asked.challenge);
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
  const wrong = way === "webauthn" ? t("passkey.again") : t("factor.wrong");

  return (
    <Form form={form} layout="vertical" requiredMark={false} onFinish={(fields) => show.mutate(fields)}>
      {way === "webauthn" && <p className="muted">{t("passkey.second")}</p>}
      {way === "totp" && <TotpField />}
      {way === "recovery" && <RecoveryField name="code" />}
      {show.error && <ProblemAlert error={show.error} title={refused ? wrong : undefined} shown={shown} />}
      <Button
        type="primary"
        htmlType="submit"
        size="large"
        block
        autoFocus={way === "webauthn"}
        loading={show.isPending}
      >
        {way === "webauthn" ? t("factor.use_passkey") : t("auth.sign_in")}
      </Button>
      <div className="door-ways">
        {ways
          .filter((other) => other !== way)
          .map((other) => (
            <Button
              key={other}
              type="link"
              className="link-button"
              onClick={() => {
                form.resetFields();
                show.reset();
                setWay(other);
              }}
            >
              {t(NAMES[other])}
            </Button>
          ))}
        <Button type="link" className="link-button" onClick={onAgain}>
          {t("auth.again")}
        </Button>
      </div>
    </Form>
  );
}
