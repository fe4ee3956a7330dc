import { useTranslation } from "react-i18next";
import { PageHead } from "../parts/page";
import { DutyRules } from "./policies/duties";
import { PasswordRules } from "./policies/password";
import { SignInRules } from "./policies/sign-in";

/** What the organisation asks of its people. */
export function Policies() {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t("policy.title")} />
      <div className="halves">
        <SignInRules />
        <PasswordRules />
      </div>
      <DutyRules />
    </>
  );
}
