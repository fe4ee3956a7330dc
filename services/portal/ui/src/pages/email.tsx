import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useLocation } from "@tanstack/react-router";
import { Alert, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../api/client";
import { Problem } from "../api/problem";
import { me } from "../api/queries";
import { end } from "../api/session";
import { tokenOf, undoOf } from "../invitation";
import { DoorCard } from "../parts/door-card";
import { ProblemAlert } from "../parts/problem";

/** Where letters about an address lead: one to its new holder, one to whoever had the old one. */
export function Email() {
  const { hash } = useLocation();
  return <Answer key={hash} hash={hash} />;
}

function Answer({ hash }: { hash: string }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [token] = useState(() => tokenOf(hash));
  const [undo] = useState(() => undoOf(hash));
  // A click, not the visit: whatever looks at links in letters must not be the one who answers.
  const send = useMutation({
    mutationFn: async () => {
      if (undo) {
        await unwrap(open.POST("/api/v1/auth/email/undo", { body: { token: undo } }));
        await end();
      } else {
        await unwrap(open.POST("/api/v1/auth/email/confirm", { body: { token: token ?? "" } }));
        await client.invalidateQueries(me());
      }
    },
  });
  const void_ = send.error && Problem.from(send.error).status === 401;
  const title = undo ? t("email.undo.title") : t("email.confirm.title");
  return (
    <DoorCard title={title} sub={undo ? t("email.undo.sub") : t("email.confirm.sub")}>
      {!token && !undo && <Alert type="warning" showIcon title={t("email.no_token")} />}
      {send.isSuccess && (
        <Alert type="success" showIcon title={undo ? t("email.undo.done") : t("email.confirm.done")} />
      )}
      {(token ?? undo) && !send.isSuccess && (
        <>
          {send.error && <ProblemAlert error={send.error} title={void_ ? t("email.void") : undefined} />}
          <Button type="primary" size="large" block loading={send.isPending} onClick={() => send.mutate()}>
            {undo ? t("email.undo.go") : t("email.confirm.go")}
          </Button>
        </>
      )}
      <p className="door-other">
        {undo && send.isSuccess ? (
          <Link to="/forgot">{t("forgot.title")}</Link>
        ) : (
          <Link to="/">{t("email.on")}</Link>
        )}
      </p>
    </DoorCard>
  );
}
