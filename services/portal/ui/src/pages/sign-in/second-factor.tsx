import { useMutation } from "@tanstack/react-query";
import { Button, Form } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../../api/client";
import { show as askDevice, supported } from "../../api/passkeys";
import { Problem } from "../../api/problem";
import type { MfaRequired, SentCode, SignedIn } from "../../api/types";
import { RecoveryField, TotpField } from "../../parts/code-field";
import { ProblemAlert, showOnFields } from "../../parts/problem";
import { SendCode, SentField } from "../../parts/sent-code";
import { isWeaker, waysToSignIn, type SignInWay, type Weaker } from "../../ways";

const NAMES = {
  webauthn: "factor.use_passkey",
  totp: "factor.use_code",
  sms: "factor.use_sms",
  email: "factor.use_email",
  recovery: "factor.use_recovery",
} as const;

async function showPasskey(challenge: string): Promise<SignedIn> {
  const { ceremony, public_key } = await unwrap(
    open.POST("/api/v1/auth/mfa/webauthn:begin", { body: { challenge } }),
  );
  const credential = await askDevice(public_key);
  return unwrap(open.POST("/api/v1/auth/mfa/webauthn", { body: { challenge, ceremony, credential } }));
}

function sendCode(way: Weaker, challenge: string): Promise<SentCode> {
  const ask = { body: { challenge } };
  return unwrap(
    way === "sms"
      ? open.POST("/api/v1/auth/mfa/sms:send", ask)
      : open.POST("/api/v1/auth/mfa/email:send", ask),
  );
}

function showCode(way: Exclude<SignInWay, "webauthn">, body: { challenge: string; code: string }) {
  if (way === "totp") return unwrap(open.POST("/api/v1/auth/mfa/totp", { body }));
  if (way === "sms") return unwrap(open.POST("/api/v1/auth/mfa/sms", { body }));
  if (way === "email") return unwrap(open.POST("/api/v1/auth/mfa/email", { body }));
  return unwrap(open.POST("/api/v1/auth/mfa/recovery", { body }));
}

interface Props {
  asked: MfaRequired;
  onDone: (answer: SignedIn) => void;
  onAgain: () => void;
}

/** The second half of a sign-in: a passkey, a code of the authenticator, one that is sent, or one of those written down. */
export function SecondFactor({ asked, onDone, onAgain }: Props) {
  const { t } = useTranslation();
  const [form] = Form.useForm<{ code?: string }>();
  const [shown, setShown] = useState<Set<string>>();
  const ways = waysToSignIn(asked.methods, supported());
  const [way, setWay] = useState<SignInWay>(ways[0] ?? "recovery");

  const show = useMutation({
    mutationFn: ({ code = "" }: { code?: string }) => {
      if (way === "webauthn") return showPasskey(asked.challenge);
      return showCode(way, { challenge: asked.challenge, code });
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
      {isWeaker(way) && (
        <>
          <SendCode key={way} send={() => sendCode(way, asked.challenge)} />
          <SentField name="code" />
        </>
      )}
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
