import { useTranslation } from "react-i18next";
import { useMay } from "../may";
import { PageHead } from "../parts/page";
import { Accounts } from "./programs/accounts";
import { Clients } from "./programs/clients";

/** Machines with rights of their own, and programs that act for people. */
export function Programs() {
  const { t } = useTranslation();
  const may = useMay();
  return (
    <>
      <PageHead title={t("programs.title")} />
      {may("service_account.list") && <Accounts />}
      {may("oauth_client.list") && <Clients />}
    </>
  );
}
