import { useTranslation } from "react-i18next";
import { PageHead } from "../parts/page";
import { useMe } from "../project";
import { Factors } from "./security/factors";
import { Identities } from "./security/identities";
import { Keys } from "./security/keys";
import { Password } from "./security/password";
import { Profile } from "./security/profile";
import { Sessions } from "./security/sessions";

/** The caller's own: who they are, how they prove it, where they are signed in, which keys stand for them. */
export function Security() {
  const { t } = useTranslation();
  const { user } = useMe();
  return (
    <>
      <PageHead title={t("security.title")} above={user.email} />
      <div className="halves">
        <Profile />
        <Password />
      </div>
      <Factors />
      <Identities />
      <Sessions />
      <Keys />
    </>
  );
}
