import { useInfiniteQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { Check, Copy, Download } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { checkpoints } from "../../api/proof";
import type { CheckpointView } from "../../api/types";
import { number, time } from "../../format";
import { Block } from "../../parts/block";
import { Ago, Code, Nothing, Panel, Waiting } from "../../parts/page";
import { ProblemAlert } from "../../parts/problem";
import { Records, type Column } from "../../parts/records";
import { save } from "../../parts/save";
import { useMe } from "../../project";

/** The newest by itself, the others as a list. */
export function Checkpoints() {
  const { t } = useTranslation();
  const list = useInfiniteQuery(checkpoints());
  const columns = useColumns();
  const [latest, ...earlier] = list.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <>
      {list.error && <ProblemAlert error={list.error} onRetry={() => void list.refetch()} />}
      <Panel title={t("proof.latest")}>
        {latest ? (
          <Latest checkpoint={latest} />
        ) : list.data ? (
          <Nothing title={t("proof.none")} hint={t("proof.none.hint")} />
        ) : (
          !list.error && <Waiting />
        )}
      </Panel>
      {earlier.length > 0 && (
        <Block title={t("proof.earlier")}>
          <Records
            label={t("proof.earlier")}
            rows={earlier}
            columns={columns}
            rowKey={({ id }) => id}
            empty={null}
          />
          {list.hasNextPage && (
            <div className="more">
              <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                {t("vm.load_more")}
              </Button>
            </div>
          )}
        </Block>
      )}
    </>
  );
}

function Latest({ checkpoint }: { checkpoint: CheckpointView }) {
  const { t } = useTranslation();
  const { size, root, created_at, cosignatures } = checkpoint;
  return (
    <>
      <p className="muted">{t("proof.latest.hint")}</p>
      <dl className="facts">
        <div>
          <dt>{t("proof.size")}</dt>
          <dd className="strong">{number(size)}</dd>
        </div>
        <div>
          <dt>{t("proof.signed_at")}</dt>
          <dd>
            <Ago at={created_at} />
          </dd>
        </div>
        <div>
          <dt>{t("proof.root")}</dt>
          <dd>
            <Code value={root} shown={short(root)} />
          </dd>
        </div>
        <div>
          <dt>{t("proof.cosigned")}</dt>
          <dd>
            {cosignatures.length === 0
              ? t("proof.cosigned.none")
              : cosignatures.map(({ witness }) => (
                  <div key={witness} className="proof-key">
                    <Code value={witness} />
                  </div>
                ))}
          </dd>
        </div>
      </dl>
      <div className="page-actions">
        <CopyNote checkpoint={checkpoint} />
        <SaveNote checkpoint={checkpoint} />
      </div>
    </>
  );
}

function useColumns(): Column<CheckpointView>[] {
  const { t } = useTranslation();
  return [
    { key: "size", title: t("proof.size"), card: "title", render: ({ size }) => number(size) },
    {
      key: "time",
      title: t("proof.signed_at"),
      render: ({ created_at }) => <time dateTime={created_at}>{time(created_at)}</time>,
    },
    {
      key: "cosigned",
      title: t("proof.cosigned"),
      render: ({ cosignatures }) =>
        cosignatures.map(({ witness }) => witness.split("+")[0]).join(", ") || t("proof.cosigned.none"),
    },
    { key: "root", title: t("proof.root"), render: ({ root }) => <Code value={root} shown={short(root)} /> },
    {
      key: "keep",
      title: t("proof.keep"),
      card: "control",
      render: (checkpoint) => (
        <>
          <CopyNote checkpoint={checkpoint} small />
          <SaveNote checkpoint={checkpoint} small />
        </>
      ),
    },
  ];
}

interface NoteProps {
  checkpoint: CheckpointView;
  small?: boolean;
}

function CopyNote({ checkpoint: { note, size }, small = false }: NoteProps) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const text = t(copied ? "list.copied" : "proof.copy");
  return (
    <Button
      {...(small ? ({ type: "text", size: "small", "aria-label": `${text} (${size})` } as const) : {})}
      icon={copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      onClick={() => void navigator.clipboard.writeText(note).then(() => setCopied(true))}
    >
      {small ? null : text}
    </Button>
  );
}

function SaveNote({ checkpoint: { note, size }, small = false }: NoteProps) {
  const { t } = useTranslation();
  const { tenant } = useMe();
  const text = t("proof.download");
  return (
    <Button
      {...(small ? ({ type: "text", size: "small", "aria-label": `${text} (${size})` } as const) : {})}
      icon={<Download size={14} aria-hidden />}
      onClick={() => save(new Blob([note], { type: "text/plain" }), `${tenant.name}-${size}.checkpoint`)}
    >
      {small ? null : text}
    </Button>
  );
}

const short = (root: string) => `${root.slice(0, 12)}…`;
