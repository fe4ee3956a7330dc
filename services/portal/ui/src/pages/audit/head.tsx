import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { PageHead } from "../../parts/page";
import { SubNav } from "../../parts/sub-nav";

/** The heading that the log and its proof share. */
export function AuditHead({ children }: { children?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t("audit.title")}>{children}</PageHead>
      <SubNav
        label={t("audit.title")}
        items={[
          { to: "/audit", text: t("proof.entries") },
          { to: "/audit/proof", text: t("proof.title") },
          { to: "/audit/compliance", text: t("compliance.title") },
          { to: "/audit/retention", text: t("retention.title") },
        ]}
      />
    </>
  );
}
