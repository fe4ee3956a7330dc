/** What the log can show of standards, and the same as signed evidence. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { App, Button } from "antd";
import { FileBadge, Table2 } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { compliance, evidencePack, register } from "../../api/compliance";
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
import { BreachPack } from "./breach";
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
        <TakeAlong
          text={t("compliance.register")}
          icon={<Table2 size={14} aria-hidden />}
          fetch={register}
          ending="register.csv"
        />
        <BreachPack />
        <TakeAlong
          text={t("compliance.pack")}
          icon={<FileBadge size={14} aria-hidden />}
          fetch={evidencePack}
          ending="evidence.json"
        />
      </AuditHead>
      <Block
        title={t("compliance.title")}
        hint={`${t("compliance.hint")} ${t("compliance.pack")}: ${t("compliance.pack.hint")} ${t("compliance.register")}: ${t("compliance.register.hint")}`}
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

interface Taken {
  text: string;
  icon: ReactNode;
  fetch: () => Promise<Blob>;
  ending: string;
}

function TakeAlong({ text, icon, fetch, ending }: Taken) {
  const { tenant } = useMe();
  const { message } = App.useApp();
  const take = useMutation({
    mutationFn: fetch,
    onSuccess: (file) => save(file, `${tenant.name}.${ending}`),
    onError: (error) => void message.error(problemTitle(Problem.from(error)), 8),
  });
  return (
    <Button icon={icon} loading={take.isPending} onClick={() => take.mutate()}>
      {text}
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
