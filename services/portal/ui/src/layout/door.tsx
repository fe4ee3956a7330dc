import { Outlet } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Arcs, Brand, Mark } from "./brand";
import { Controls } from "./controls";

/** The frame of the pages before sign-in. */
export function Door() {
  const { t } = useTranslation();
  return (
    <div className="door">
      <Arcs />
      <header className="door-top">
        <Brand />
        <div className="door-controls">
          <Controls />
        </div>
      </header>
      <main className="door-main" id="content" tabIndex={-1}>
        <Outlet />
      </main>
      <footer className="door-foot">
        <Mark size={18} />
        <span>{t("app.tagline")}</span>
      </footer>
    </div>
  );
}
