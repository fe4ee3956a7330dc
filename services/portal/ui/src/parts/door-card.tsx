import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

/** A page before the shell: its heading, and the window's title. */
export function DoorCard({ title, sub, children }: { title: string; sub?: string; children: ReactNode }) {
  const { t } = useTranslation();
  const tab = t("app.title");
  useEffect(() => {
    document.title = `${title} · ${tab}`;
  }, [title, tab]);
  return (
    <section className="door-card" aria-labelledby="door-title">
      <h1 id="door-title">{title}</h1>
      {sub && <p className="muted">{sub}</p>}
      {children}
    </section>
  );
}
