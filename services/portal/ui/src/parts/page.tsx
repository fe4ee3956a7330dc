import { Button, Spin, Tooltip } from "antd";
import { Check, Copy } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ago, time } from "../format";

interface HeadProps {
  title: string;
  /** Beside the title: a status, a mark. */
  mark?: ReactNode;
  above?: ReactNode;
  children?: ReactNode;
}

/** The page's one h1, its actions, and the window's title. */
export function PageHead({ title, mark, above, children }: HeadProps) {
  const { t } = useTranslation();
  const tab = t("app.title");
  useEffect(() => {
    document.title = `${title} · ${tab}`;
  }, [title, tab]);
  return (
    <header className="page-head">
      <div>
        {above && <div className="page-above">{above}</div>}
        <div className="page-title">
          <h1>{title}</h1>
          {mark}
        </div>
      </div>
      {children && <div className="page-actions">{children}</div>}
    </header>
  );
}

export function Panel({
  title,
  extra,
  children,
  className = "",
}: {
  title: string;
  extra?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`panel ${className}`} aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        {extra}
      </div>
      <div className="panel-body">{children}</div>
    </section>
  );
}

/** An id or address: monospaced, selectable, one key to copy. What is long may be shown shorter. */
export function Code({ value, shown }: { value: string; shown?: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <span className="code">
      <code {...(shown ? { title: value } : {})}>{shown ?? value}</code>
      <Button
        type="text"
        size="small"
        aria-label={`${copied ? t("list.copied") : t("list.copy")} ${value}`}
        icon={copied ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
        onClick={() => void navigator.clipboard.writeText(value).then(() => setCopied(true))}
      />
    </span>
  );
}

/** How long ago, or how long until then, with the exact time on hover and for machines. */
export function Ago({ at, ahead = false }: { at: string; ahead?: boolean }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Tooltip title={time(at)}>
      <time dateTime={at}>{ago(at, ahead ? now : Math.max(now, new Date(at).getTime()))}</time>
    </Tooltip>
  );
}

export function Nothing({ title, hint, children }: { title: string; hint?: string; children?: ReactNode }) {
  return (
    <div className="nothing">
      <p>{title}</p>
      {hint && <p className="muted">{hint}</p>}
      {children}
    </div>
  );
}

export function Waiting() {
  const { t } = useTranslation();
  return (
    <div className="waiting" role="status" aria-label={t("app.loading")}>
      <Spin />
    </div>
  );
}
