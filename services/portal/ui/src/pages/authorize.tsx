import { useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { Alert, Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../api/client";
import { Problem } from "../api/problem";
import { me } from "../api/queries";
import { end } from "../api/session";
import { askedIn, hostOf, type Asked } from "../authorization";
import { Waiting } from "../parts/page";
import { ProblemAlert } from "../parts/problem";
import { Scopes } from "../parts/scopes";

/** Where a program sends a person's browser: who asks for what, and the decision. */
export function Authorize() {
  const { t } = useTranslation();
  const { ask } = useSearch({ from: "/asked/authorize" });
  const asked = askedIn(ask);
  const title = t("consent.ask");
  const tab = t("app.title");
  useEffect(() => {
    document.title = `${title} · ${tab}`;
  }, [title, tab]);

  if (asked) return <Ask asked={asked} />;
  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{title}</h1>
      <Alert type="warning" showIcon title={t("consent.broken")} />
    </section>
  );
}

function decide(asked: Asked, approve: boolean, dry_run: boolean) {
  const params = { query: { dry_run } };
  return unwrap(api.POST("/api/v1/oauth/authorize", { params, body: { ...asked, approve } }));
}

function Ask({ asked }: { asked: Asked }) {
  const { t } = useTranslation();
  const mine = useQuery(me());
  const [gone, setGone] = useState(false);
  const shown = useQuery({
    queryKey: ["authorize", asked],
    queryFn: () => decide(asked, true, true),
    staleTime: Infinity,
    retry: false,
  });
  const go = useMutation({
    mutationFn: (approve: boolean) => decide(asked, approve, false),
    onSuccess: ({ redirect_to }) => {
      if (!redirect_to) return;
      setGone(true);
      location.assign(redirect_to);
    },
  });
  if (shown.isPending || mine.isPending) return <Waiting />;
  if (!shown.data || !mine.data) {
    const unknown = shown.error && [400, 404].includes(Problem.from(shown.error).status);
    return (
      <section className="door-card" aria-labelledby="door-title">
        <h1 id="door-title">{t("consent.ask")}</h1>
        <ProblemAlert error={shown.error ?? mine.error} title={unknown ? t("consent.unknown") : undefined} />
      </section>
    );
  }
  const { client_name: name, scopes } = shown.data;
  const busy = go.isPending || gone;
  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{t("consent.title", { name })}</h1>
      <p className="muted">
        {t("consent.as", { email: mine.data.user.email, tenant: mine.data.tenant.name })}
      </p>
      <p>{t("consent.what", { name })}</p>
      <Scopes names={scopes} label={t("consent.what", { name })} />
      <p className="muted">{t("consent.bounds")}</p>
      <p className="muted">{t("consent.goes", { host: hostOf(asked.redirect_uri) })}</p>
      {go.error && <ProblemAlert error={go.error} />}
      <div className="door-choice">
        <Button size="large" disabled={busy} onClick={() => go.mutate(false)}>
          {t("consent.no")}
        </Button>
        <Button type="primary" size="large" loading={busy} onClick={() => go.mutate(true)}>
          {t("consent.yes")}
        </Button>
      </div>
      <p className="door-other">
        <Button type="link" disabled={busy} onClick={() => void end()}>
          {t("consent.other")}
        </Button>
      </p>
    </section>
  );
}
