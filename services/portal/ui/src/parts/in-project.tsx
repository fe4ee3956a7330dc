import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useProject, type Project } from "../project";
import { Nothing } from "./page";

/** Gives the page the project its address names, or says that there is none. */
export function InProject({ children }: { children: (project: Project) => ReactNode }) {
  const { t } = useTranslation();
  const { project } = useParams({ strict: false });
  const found = useProject(project ?? "");
  return found ? (
    children(found)
  ) : (
    <div className="panel empty">
      <Nothing title={t("project.unknown")} />
    </div>
  );
}
