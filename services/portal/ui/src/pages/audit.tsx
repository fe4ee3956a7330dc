import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { App, Button, DatePicker, Dropdown, Form, Input, Select } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { ChevronLeft, ChevronRight, Download } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/problem";
import { audit, auditExport, type AuditFilter } from "../api/queries";
import type { AuditEvent } from "../api/types";
import { reference, time } from "../format";
import { known } from "../i18n";
import { Code, Nothing } from "../parts/page";
import { ProblemAlert, problemTitle } from "../parts/problem";
import { Records, type Column } from "../parts/records";
import { save } from "../parts/save";
import { Dot } from "../parts/status";
import { useMe } from "../project";
import type { Tone } from "../vm";
import { AuditHead } from "./audit/head";

const OUTCOMES = ["success", "denied", "failed"];
const TONES: Record<string, Tone> = { success: "good", failed: "bad", denied: "bad" };

export function Audit() {
  const { t } = useTranslation();
  const filter = useSearch({ from: "/inside/audit" });
  // The pages walked so far; a new filter starts over.
  const [walk, setWalk] = useState<{ filter: AuditFilter; tokens: string[] }>({ filter, tokens: [] });
  const tokens = same(walk.filter, filter) ? walk.tokens : [];
  const list = useQuery(audit(filter, tokens.at(-1)));
  const next = list.data?.next_page;
  const columns = useColumns();

  return (
    <>
      <AuditHead>
        <Export filter={filter} />
      </AuditHead>
      <Filters key={JSON.stringify(filter)} filter={filter} />
      {list.error ? (
        <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <Records
          label={t("audit.title")}
          rows={list.data?.items}
          columns={columns}
          rowKey={({ seq }) => String(seq)}
          empty={<Nothing title={t("audit.empty")} />}
          detail={{
            label: ({ seq }) => t("audit.show", { seq }),
            render: (event) => <Detail event={event} />,
          }}
        />
      )}
      <nav className="more" aria-label={t("audit.paging")}>
        <Button
          icon={<ChevronLeft size={14} aria-hidden />}
          disabled={tokens.length === 0}
          onClick={() => setWalk({ filter, tokens: tokens.slice(0, -1) })}
        >
          {t("audit.previous")}
        </Button>
        <Button
          icon={<ChevronRight size={14} aria-hidden />}
          iconPlacement="end"
          disabled={!next || list.isPlaceholderData}
          onClick={() => next && setWalk({ filter, tokens: [...tokens, next] })}
        >
          {t("audit.next")}
        </Button>
      </nav>
    </>
  );
}

const FORMATS = ["csv", "ndjson", "json", "ocsf", "verifiable"] as const;

/** What a file of a format is called, where that is not the format itself. */
const ENDINGS: Partial<Record<string, string>> = { ocsf: "ocsf.ndjson", verifiable: "verifiable.ndjson" };

/** What the filter shows, all pages of it, as a file. */
function Export({ filter }: { filter: AuditFilter }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const download = useMutation({
    mutationFn: async (format: (typeof FORMATS)[number]) => ({
      format,
      file: await auditExport(filter, format),
    }),
    onSuccess: ({ format, file }) => save(file, `audit.${ENDINGS[format] ?? format}`),
    onError: (error) => void message.error(problemTitle(Problem.from(error)), 8),
  });
  return (
    <Dropdown
      trigger={["click"]}
      menu={{
        items: FORMATS.map((format) => ({
          key: format,
          label: format === "verifiable" ? t("proof.export") : format.toUpperCase(),
        })),
        onClick: ({ key }) => download.mutate(key as (typeof FORMATS)[number]),
      }}
    >
      <Button icon={<Download size={14} aria-hidden />} loading={download.isPending} aria-haspopup="menu">
        {t("audit.export")}
      </Button>
    </Dropdown>
  );
}

const same = (a: AuditFilter, b: AuditFilter) => JSON.stringify(a) === JSON.stringify(b);

function useColumns(): Column<AuditEvent>[] {
  const { t } = useTranslation();
  return [
    {
      key: "time",
      title: t("audit.time"),
      render: (event) => <time dateTime={event.time}>{time(event.time)}</time>,
    },
    {
      key: "action",
      title: t("audit.action"),
      card: "title",
      render: ({ action }) => <code className="strong">{action}</code>,
    },
    {
      key: "outcome",
      title: t("audit.outcome"),
      card: "corner",
      render: ({ outcome }) => (
        <Dot tone={TONES[outcome] ?? "unknown"}>{known("audit.outcome", outcome)}</Dot>
      ),
    },
    { key: "actor", title: t("audit.actor"), render: ({ actor }) => <Actor actor={actor} /> },
    {
      key: "object",
      title: t("audit.object"),
      render: ({ object }) => <code title={object}>{reference(object)}</code>,
    },
    { key: "ip", title: t("audit.ip"), render: ({ ip }) => <code>{ip ?? "–"}</code> },
  ];
}

/** The caller by their address; of others the log knows the id. */
function Actor({ actor }: { actor: string }) {
  const { user } = useMe();
  return actor === `user:${user.id}` ? (
    <span title={actor}>{user.email}</span>
  ) : (
    <code title={actor}>{reference(actor)}</code>
  );
}

function Detail({ event }: { event: AuditEvent }) {
  const { t } = useTranslation();
  return (
    <div className="audit-detail">
      <p>
        <span className="muted">{t("audit.object")}</span> <Code value={event.object} />
      </p>
      <p>
        <span className="muted">{t("audit.actor")}</span> <Code value={event.actor} />
      </p>
      {event.credential && (
        <p>
          <span className="muted">{t("audit.credential")}</span> <Code value={event.credential} />
        </p>
      )}
      <p>
        <span className="muted">{t("audit.request")}</span> <Code value={event.request_id} />
      </p>
      {event.erased && <p className="muted">{t("retention.erased")}</p>}
      {event.changes !== undefined && event.changes !== null && (
        // A scrolling region must be reachable by keyboard.
        <pre tabIndex={0} role="region" aria-label={t("audit.changes")}>
          {JSON.stringify(event.changes, null, 2)}
        </pre>
      )}
    </div>
  );
}

interface Fields {
  period?: [Dayjs | null, Dayjs | null] | null;
  actor?: string;
  action?: string;
  object?: string;
  outcome?: string | null;
}

function Filters({ filter }: { filter: AuditFilter }) {
  const { t } = useTranslation();
  const navigate = useNavigate({ from: "/audit" });
  const apply = ({ period, actor, action, object, outcome }: Fields) =>
    void navigate({
      search: {
        since: period?.[0]?.toISOString(),
        until: period?.[1]?.toISOString(),
        actor: actor?.trim() || undefined,
        action: action?.trim() || undefined,
        object: object?.trim() || undefined,
        outcome: outcome ?? undefined,
      },
    });
  const initial: Fields = {
    ...filter,
    outcome: filter.outcome ?? null,
    period: filter.since || filter.until ? [day(filter.since), day(filter.until)] : null,
  };
  const now = dayjs();
  return (
    <Form
      className="filters filters-audit"
      layout="vertical"
      initialValues={initial}
      onFinish={apply}
      role="search"
    >
      <Form.Item name="period" label={t("audit.period")} className="filter-period">
        <DatePicker.RangePicker
          showTime
          allowEmpty={[true, true]}
          placeholder={[t("audit.from"), t("audit.to")]}
          presets={[
            { label: t("audit.period.1h"), value: [now.subtract(1, "hour"), null] },
            { label: t("audit.period.24h"), value: [now.subtract(1, "day"), null] },
            { label: t("audit.period.7d"), value: [now.subtract(7, "day"), null] },
          ]}
        />
      </Form.Item>
      <Form.Item name="actor" label={t("audit.actor")}>
        <Input allowClear autoComplete="off" spellCheck={false} />
      </Form.Item>
      <Form.Item name="action" label={t("audit.action")}>
        <Input allowClear autoComplete="off" spellCheck={false} placeholder="vm.*" />
      </Form.Item>
      <Form.Item name="object" label={t("audit.object")}>
        <Input allowClear autoComplete="off" spellCheck={false} />
      </Form.Item>
      <Form.Item name="outcome" label={t("audit.outcome")}>
        <Select
          allowClear
          placeholder={t("audit.any")}
          options={OUTCOMES.map((value) => ({ value, label: known("audit.outcome", value) }))}
        />
      </Form.Item>
      <div className="filter-go">
        <Button type="primary" htmlType="submit">
          {t("audit.apply")}
        </Button>
        <Button htmlType="button" onClick={() => void navigate({ search: {} })}>
          {t("audit.clear")}
        </Button>
      </div>
    </Form>
  );
}

function day(iso: string | undefined): Dayjs | null {
  const read = iso ? dayjs(iso) : null;
  return read?.isValid() ? read : null;
}
