import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Nothing } from "../parts/page";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Nothing title={t("app.not_found")}>
      <Link to="/">{t("app.home")}</Link>
    </Nothing>
  );
}
