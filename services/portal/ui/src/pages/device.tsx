import { useMutation, useQuery } from "@tanstack/react-query";
import { Alert, Button, Descriptions, Form, Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "../api/client";
import { Problem } from "../api/problem";
import { me } from "../api/queries";
import { codeIn } from "../authorization";
import { Ago } from "../parts/page";
import { ProblemAlert } from "../parts/problem";
import { Scopes } from "../parts/scopes";

function decide(user_code: string, approve: boolean, dry_run: boolean) {
  const params = { query: { dry_run } };
  return unwrap(api.POST("/api/v1/oauth/device/decision", { params, body: { user_code, approve } }));
}

/** Where people type what a device shows, see who asks from where, and decide. */
export function Device() {
  const { t } = useTranslation();
  const title = t("device.title");
  const tab = t("app.title");
  useEffect(() => {
    document.title = `${title} · ${tab}`;
  }, [title, tab]);
  // Behind the `#`, which no browser sends anywhere.
  const [code, setCode] = useState(() => codeIn(location.hash));
  const look = useMutation({
    mutationFn: (typed: string) => decide(typed, true, true),
    onSuccess: (_, typed) => setCode(typed),
  });
  const go = useMutation({ mutationFn: (approve: boolean) => decide(code ?? "", approve, false) });
  const wrong = look.error && [400, 404].includes(Problem.from(look.error).status);

  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{title}</h1>
      {go.data ? (
        <Alert
          type={go.data.approved ? "success" : "info"}
          showIcon
          title={t(go.data.approved ? "device.yes.done" : "device.no.done", { name: go.data.client_name })}
        />
      ) : look.data ? (
        <Asking asked={look.data} busy={go.isPending} error={go.error} onDecide={(yes) => go.mutate(yes)} />
      ) : (
        <>
          <p className="muted">{t("device.sub")}</p>
          <Form<{ code: string }>
            layout="vertical"
            requiredMark={false}
            initialValues={{ code: code ?? "" }}
            onFinish={(fields) => look.mutate(fields.code)}
          >
            <Form.Item name="code" label={t("device.code")} rules={[{ required: true, max: 40 }]}>
              <Input
                className="device-code"
                autoComplete="one-time-code"
                autoCapitalize="characters"
                spellCheck={false}
                placeholder="BCDF-GHJK"
                autoFocus
              />
            </Form.Item>
            {look.error && <ProblemAlert error={look.error} title={wrong ? t("device.wrong") : undefined} />}
            <Button type="primary" htmlType="submit" size="large" block loading={look.isPending}>
              {t("device.look")}
            </Button>
          </Form>
        </>
      )}
    </section>
  );
}

interface Props {
  asked: Awaited<ReturnType<typeof decide>>;
  busy: boolean;
  error: unknown;
  onDecide: (approve: boolean) => void;
}

function Asking({ asked, busy, error, onDecide }: Props) {
  const { t } = useTranslation();
  const { data: mine } = useQuery(me());
  const name = asked.client_name;
  return (
    <>
      {mine && (
        <p className="muted">{t("consent.as", { email: mine.user.email, tenant: mine.tenant.name })}</p>
      )}
      <Alert type="warning" showIcon title={t("device.care")} />
      <Descriptions
        size="small"
        column={1}
        items={[
          { key: "who", label: t("device.who"), children: name },
          { key: "agent", label: t("device.agent"), children: asked.agent || t("device.unknown") },
          { key: "from", label: t("device.from"), children: asked.address ?? t("device.unknown") },
          { key: "since", label: t("device.since"), children: <Ago at={asked.asked_at} /> },
        ]}
      />
      <p>{t("consent.what", { name })}</p>
      <Scopes names={asked.scopes} label={t("consent.what", { name })} />
      {error !== null && error !== undefined && <ProblemAlert error={error} />}
      <div className="door-choice">
        <Button size="large" disabled={busy} onClick={() => onDecide(false)}>
          {t("consent.no")}
        </Button>
        <Button type="primary" size="large" loading={busy} onClick={() => onDecide(true)}>
          {t("consent.yes")}
        </Button>
      </div>
    </>
  );
}
