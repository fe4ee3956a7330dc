import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "../may";
import { PageHead } from "../parts/page";
import { SubNav } from "../parts/sub-nav";

/** The heading that the pages about rights share. */
export function RolesHead({ children }: { children?: ReactNode }) {
  const { t } = useTranslation();
  const may = useMay();
  return (
    <>
      <PageHead title={t("roles.title")}>{children}</PageHead>
      <SubNav
        label={t("roles.title")}
        items={[
          { to: "/roles", text: t("roles.roles") },
          ...(may("role_binding.list")
            ? [{ to: "/roles/bindings" as const, text: t("roles.bindings") }]
            : []),
          { to: "/roles/explain", text: t("explain.title") },
        ]}
      />
    </>
  );
}
