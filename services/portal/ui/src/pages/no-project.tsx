import { useNavigate } from "@tanstack/react-router";
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { NewProject } from "../layout/project-switcher";
import { Nothing, PageHead } from "../parts/page";

export function NoProject() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [creating, setCreating] = useState(false);
  return (
    <>
      <PageHead title={t("project.none")} />
      <div className="panel empty">
        <Nothing title={t("project.none")} hint={t("project.none.hint")}>
          <Button type="primary" onClick={() => setCreating(true)}>
            {t("project.new")}
          </Button>
        </Nothing>
      </div>
      {creating && (
        <NewProject
          onClose={() => setCreating(false)}
          onMade={(project) => void navigate({ to: "/projects/$project/vms", params: { project } })}
        />
      )}
    </>
  );
}
