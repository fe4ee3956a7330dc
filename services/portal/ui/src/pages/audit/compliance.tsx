/** What the log can show of standards, and the same as signed evidence. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { App, Button } from "antd";
import { FileBadge } from "lucide-react";
import { useTranslation } from "react-i18next";
import { compliance, evidencePack } from "../../api/compliance";
import { Problem } from "../../api/problem";
import type { ControlView } from "../../api/types";
import { number, time } from "../../format";
import { isKey, known } from "../../i18n";
import { Block } from "../../parts/block";
import { Nothing } from "../../parts/page";
import { ProblemAlert, problemTitle } from "../../parts/problem";
import { Records, type Column } from "../../parts/records";
import { save } from "../../parts/save";
import { Dot } from "../../parts/status";
import { useMe } from "../../project";
import type { Tone } from "../../vm";
import { AuditHead } from "./head";

const TONES: Record<string, Tone> = { met: "good", not_met: "bad", not_assessed: "unknown" };
const BY_TEST = "by test: ";

export function Compliance() {
  const { t } = useTranslation();
  const read = useQuery(compliance());
  const columns = useColumns();
  return (
    <>
      <AuditHead>
        <TakeAlong />
      </AuditHead>
      <Block
        title={t("compliance.title")}
        hint={`${t("compliance.hint")} ${t("compliance.pack")}: ${t("compliance.pack.hint")}`}
      >
        {read.error ? (
          <ProblemAlert error={read.error} onRetry={() => void read.refetch()} />
        ) : (
          <Records
            label={t("compliance.title")}
            rows={read.data?.controls}
            columns={columns}
            rowKey={({ id }) => id}
            empty={<Nothing title={t("compliance.title")} />}
          />
        )}
        {read.data && <p className="muted">{t("compliance.at", { time: time(read.data.at) })}</p>}
      </Block>
    </>
  );
}

function TakeAlong() {
  const { t } = useTranslation();
  const { tenant } = useMe();
  const { message } = App.useApp();
  const take = useMutation({
    mutationFn: evidencePack,
    onSuccess: (file) => save(file, `${tenant.name}.evidence.json`),
    onError: (error) => void message.error(problemTitle(Problem.from(error)), 8),
  });
  return (
    <Button icon={<FileBadge size={14} aria-hidden />} loading={take.isPending} onClick={() => take.mutate()}>
      {t("compliance.pack")}
    </Button>
  );
}

function useColumns(): Column<ControlView>[] {
  const { t } = useTranslation();
  return [
    {
      key: "title",
      title: t("compliance.control"),
      card: "title",
      render: ({ id, title }) => {
        const key = `compliance.control.${id}`;
        return <strong className="wrap fold-text">{isKey(key) ? t(key) : title}</strong>;
      },
    },
    {
      key: "status",
      title: t("compliance.status"),
      card: "corner",
      render: ({ status }) => (
        <Dot tone={TONES[status] ?? "unknown"}>{known("compliance.status", status)}</Dot>
      ),
    },
    { key: "standard", title: t("compliance.standard"), render: ({ standard }) => standard },
    { key: "evidence", title: t("compliance.evidence"), render: (control) => <Evidence {...control} /> },
  ];
}

function Evidence({ evidence: { query, result } }: ControlView) {
  const { t } = useTranslation();
  if (query.startsWith(BY_TEST)) {
    return (
      <span className="wrap fold-text">{t("compliance.by_test", { name: query.slice(BY_TEST.length) })}</span>
    );
  }
  if (!result) return t("compliance.elsewhere");
  const shown = (name: string, value: unknown) => {
    if (typeof value === "number") return number(value);
    return name === "waits_since" && typeof value === "string" ? time(value) : "–";
  };
  return (
    <span className="wrap fold-text" title={query}>
      {Object.entries(result)
        .map(([name, value]) => `${known("compliance.result", name)}: ${shown(name, value)}`)
        .join(", ")}
    </span>
  );
}
