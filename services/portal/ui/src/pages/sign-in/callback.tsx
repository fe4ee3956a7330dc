import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Alert } from "antd";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, open, unwrap } from "../../api/client";
import { Problem } from "../../api/problem";
import { answerOf, returning } from "../../api/providers";
import { begin, discard, signedIn, subjectOf } from "../../api/session";
import type { MfaRequired, SignedIn } from "../../api/types";
import { Waiting } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { SecondFactor } from "./second-factor";

/** Where a provider sends people back to: to sign in, or to link it. */
export function Callback() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [away] = useState(returning);
  const [answer] = useState(() => answerOf(location.search, away));
  const [asked, setAsked] = useState<MfaRequired>();
  const title = asked ? t("auth.second") : t("provider.back");
  const tab = t("app.title");
  useEffect(() => {
    document.title = `${title} · ${tab}`;
  }, [title, tab]);

  const [other, setOther] = useState(false);
  const enter = (tokens: SignedIn) => {
    if (away?.user !== undefined && subjectOf(tokens) !== away.user) {
      setAsked(undefined);
      setOther(true);
      void discard(tokens);
      return;
    }
    begin(tokens);
    // The code is spent; nothing of it stays in the history.
    void navigate({ to: away?.next ?? "/", replace: true });
  };
  const complete = useMutation({
    mutationFn: async () => {
      if (!away || !answer) return;
      const body = { secret: away.secret, ...answer };
      if (away.why === "link") {
        await unwrap(api.POST("/api/v1/me/identities:confirm", { body }));
        void navigate({ to: "/account", replace: true });
        return;
      }
      const settled = await unwrap(open.POST("/api/v1/auth/oidc/complete", { body }));
      if (settled.status === "mfa_required") setAsked(settled);
      else enter(settled);
    },
  });
  const { mutate } = complete;
  const sent = useRef(false);
  useEffect(() => {
    // Once, also where effects run twice: the answer is good once.
    if (sent.current || !answer) return;
    sent.current = true;
    mutate();
  }, [answer, mutate]);

  const refused = complete.error && Problem.from(complete.error).status === 401;
  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{title}</h1>
      {asked ? (
        <>
          <p className="muted">{t("provider.second")}</p>
          <SecondFactor asked={asked} onDone={enter} onAgain={() => void navigate({ to: "/sign-in" })} />
        </>
      ) : (
        <>
          {!answer && <Alert type="warning" showIcon title={t("provider.no_answer")} />}
          {other && <Alert type="warning" showIcon title={t("provider.other")} />}
          {answer && !other && !complete.error && <Waiting />}
          {complete.error && (
            <ProblemAlert error={complete.error} title={refused ? t("provider.refused") : undefined} />
          )}
          {(!answer || other || complete.error) && (
            <p className="door-other">
              {signedIn() ? (
                <Link to="/account">{t("nav.security")}</Link>
              ) : (
                <Link to="/sign-in">{t("auth.to_sign_in")}</Link>
              )}
            </p>
          )}
        </>
      )}
    </section>
  );
}
