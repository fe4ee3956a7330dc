import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "../may";
import { PageHead } from "../parts/page";
import { SubNav } from "../parts/sub-nav";

/** The heading that the pages about people share. */
export function PeopleHead({ children }: { children?: ReactNode }) {
  const { t } = useTranslation();
  const may = useMay();
  return (
    <>
      <PageHead title={t("people.title")}>{children}</PageHead>
      <SubNav
        label={t("people.title")}
        items={[
          { to: "/people", text: t("people.users") },
          ...(may("invitation.list")
            ? [{ to: "/people/invitations" as const, text: t("people.invitations") }]
            : []),
          ...(may("group.list") ? [{ to: "/people/groups" as const, text: t("people.groups") }] : []),
          ...(may("identity_provider.list")
            ? [{ to: "/people/providers" as const, text: t("people.providers") }]
            : []),
        ]}
      />
    </>
  );
}
