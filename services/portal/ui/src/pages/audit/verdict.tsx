import { Alert } from "antd";
import { CircleCheck, CircleX } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Finding, Report, Values, Verdict } from "../../audit/finding";
import { number, time } from "../../format";
import { Code } from "../../parts/page";

/** What was found, in plain words; `what` is the file or the log that it is about. */
export function Said({ verdict, what }: { verdict: Verdict; what: string }) {
  return verdict.good ? <Good report={verdict.report} what={what} /> : <Bad {...verdict} what={what} />;
}

function Bad({ finding, what }: { finding: Finding; what: string }) {
  const { t } = useTranslation();
  const { seq, line } = finding;
  return (
    <div className="verdict verdict-bad">
      <p className="strong">
        <CircleX size={16} aria-hidden />
        {seq === null ? t("proof.bad.all") : t("proof.bad.from", { seq: number(seq) })}
      </p>
      <p>{t(`proof.finding.${finding.what}`, { replace: shown(finding.values) })}</p>
      <p className="muted">{t("proof.bad.line", { what, line: number(line) })}</p>
    </div>
  );
}

function Good({ report, what }: { report: Report; what: string }) {
  const { t } = useTranslation();
  const { complete, entries, firstSeq, lastSeq, size } = report;
  const [first, last] = [number(firstSeq ?? size), number(lastSeq ?? size)];
  const held =
    entries === 0
      ? t("proof.good.none", { size: number(size) })
      : t(complete ? "proof.good.stretch" : "proof.good.selection", {
          entries: number(entries),
          first,
          last,
        });
  return (
    <>
      <div className="verdict verdict-good">
        <p className="strong">
          <CircleCheck size={16} aria-hidden />
          {t("proof.good")}
        </p>
        <p>{held}</p>
        <p className="muted">{what}</p>
      </div>
      {report.warnings.length > 0 && (
        <Alert
          type="warning"
          showIcon
          title={t("proof.warnings")}
          description={
            <ul className="proof-warnings">
              {report.warnings.map(({ code, values }) => (
                <li key={code + JSON.stringify(values)}>
                  {t(`proof.warning.${code}`, { replace: shown(values) })}
                </li>
              ))}
            </ul>
          }
        />
      )}
      <Facts report={report} />
    </>
  );
}

function Facts({ report }: { report: Report }) {
  const { t } = useTranslation();
  const { origin, entries, withheld, checkpoints, size, root, agreesWith, register } = report;
  const facts: [string, string][] = [
    [t("proof.report.entries"), number(entries)],
    [t("proof.report.withheld"), number(withheld)],
    [t("proof.report.checkpoints"), number(checkpoints)],
    [
      t("proof.report.last"),
      t("proof.report.last.is", {
        size: number(size),
        time: time(new Date(report.time * 1000).toISOString()),
      }),
    ],
    [
      t("proof.report.agrees"),
      agreesWith === null
        ? t("proof.report.agrees.none")
        : t("proof.report.agrees.with", { size: number(agreesWith) }),
    ],
    [t("proof.report.log"), origin],
  ];
  if (register) {
    const signed = time(new Date(register.time * 1000).toISOString());
    const is = t("proof.report.register.is", { time: signed, number: register.cosigned.length });
    facts.push([t("proof.report.register"), is]);
  }
  return (
    <dl className="facts proof-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      <div>
        <dt>{t("proof.root")}</dt>
        <dd>
          <Code value={root} />
        </dd>
      </div>
      {[...report.signed, ...report.cosigned].map(({ key, pinned, time: cosigned }) => (
        <div key={key}>
          <dt>{t(cosigned === undefined ? "proof.report.signed" : "proof.report.cosigned")}</dt>
          <dd>
            <code>{key}</code>{" "}
            <span className="muted">{t(pinned ? "proof.report.pinned" : "proof.report.from_file")}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Numbers as people of the language write them. */
function shown(values: Values): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === "number" ? number(value) : value]),
  );
}
