import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Alert, Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { factors } from "../api/identity";
import { owes } from "../api/owed";
import { me } from "../api/queries";
import { end } from "../api/session";
import { DoorCard } from "../parts/door-card";
import { ShownOnce } from "../parts/once";
import { Waiting } from "../parts/page";
import { StepUpDialog, StepUpQuestion } from "../parts/step-up";
import { useMe } from "../project";
import { Enrol } from "./security/enrol";
import { ChangePassword } from "./security/password";

/** How often it is asked whether what was done is felt: it takes five seconds at most. */
const LOOK_MS = 700;

type Debt = "password" | "factor";

/** What the organisation asks for before anything else: another password, a second factor. */
export function Settle() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { next } = useSearch({ from: "/invited/settle" });
  const mine = useMe();
  const [paid, setPaid] = useState<Debt>();
  const { must_enrol, password_expired } = mine.sign_in;
  const due: Debt | undefined = password_expired ? "password" : must_enrol ? "factor" : undefined;
  const waiting = !due || paid === due;
  // What was paid is felt a few seconds later: until then the same is still said to be owed.
  useQuery({ ...me(), refetchInterval: waiting ? LOOK_MS : false, enabled: waiting, staleTime: 0 });
  const clear = !owes(mine);
  useEffect(() => {
    if (clear) void navigate({ to: next ?? "/", replace: true });
  }, [clear, navigate, next]);

  const title = due === "password" ? t("settle.password.title") : t("settle.factor.title");
  const sub = due === "password" ? t("settle.password.sub") : t("settle.factor.sub");
  return (
    <DoorCard title={title} sub={sub}>
      <StepUpDialog />
      {waiting ? (
        <Alert type="info" showIcon title={t("settle.felt")} />
      ) : due === "password" ? (
        <ChangePassword onDone={() => setPaid("password")} />
      ) : (
        <AddFactor onDone={() => setPaid("factor")} />
      )}
      <p className="door-other">
        <Button type="link" onClick={() => void end().then(() => navigate({ to: "/sign-in" }))}>
          {t("settle.out")}
        </Button>
      </p>
    </DoorCard>
  );
}

function AddFactor({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const held = useQuery(factors());
  const [doing, setDoing] = useState<"add" | "show">();
  const [codes, setCodes] = useState<string[]>([]);
  if (held.isPending) return <Waiting />;
  const some = held.data?.items.some(({ confirmed }) => confirmed) ?? false;
  return (
    <>
      <Button type="primary" size="large" block onClick={() => setDoing(some ? "show" : "add")}>
        {some ? t("settle.factor.show") : t("settle.factor.add")}
      </Button>
      {doing === "show" && (
        <StepUpQuestion
          onAnswer={(proven) => {
            setDoing(undefined);
            if (proven) onDone();
          }}
        />
      )}
      {doing === "add" && (
        <Enrol
          onClose={() => setDoing(undefined)}
          onConfirmed={(fresh) => {
            setDoing(undefined);
            void client.invalidateQueries({ queryKey: ["factors"] });
            if (fresh.length > 0) setCodes(fresh);
            else onDone();
          }}
        />
      )}
      {codes.length > 0 && (
        <ShownOnce
          title={t("recovery.title")}
          hint={t("recovery.hint")}
          label={t("recovery.title")}
          secrets={codes}
          file="yunshu-recovery-codes.txt"
          onClose={() => {
            setCodes([]);
            onDone();
          }}
        />
      )}
    </>
  );
}
