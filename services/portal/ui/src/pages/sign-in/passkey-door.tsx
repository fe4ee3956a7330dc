import { useMutation } from "@tanstack/react-query";
import { Button } from "antd";
import { Fingerprint } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { open, unwrap } from "../../api/client";
import { conditional, show, supported } from "../../api/passkeys";
import { Problem } from "../../api/problem";
import type { SignedIn } from "../../api/types";
import { ProblemAlert } from "../../parts/problem";

/** A question is good for five minutes; a fresh one takes its place a little earlier. */
const FRESH_MS = 4.5 * 60_000;
/** An offer that the browser or the network could not make is made again after this, then after twice as long. */
const AGAIN_MS = 1_000;

async function enter(how: Parameters<typeof show>[1] = {}): Promise<SignedIn> {
  const { ceremony, public_key } = await unwrap(open.POST("/api/v1/auth/passkey:begin", {}));
  const credential = await show(public_key, how);
  return unwrap(open.POST("/api/v1/auth/passkey", { body: { ceremony, credential } }));
}

/** A passkey instead of address and password: offered by the browser in the address field, and by a button. */
export function PasskeyDoor({ onDone }: { onDone: (answer: SignedIn) => void }) {
  const { t } = useTranslation();
  const offer = useRef<AbortController>(undefined);
  const [round, setRound] = useState(0);
  const [refused, setRefused] = useState<unknown>();
  const failures = useRef(0);
  const done = useRef(onDone);
  useEffect(() => {
    done.current = onDone;
  });

  useEffect(() => {
    const here = new AbortController();
    offer.current = here;
    const anew = () => setRound((past) => past + 1);
    let later = setTimeout(anew, FRESH_MS);
    const offered = async () => {
      if (!(await conditional()) || here.signal.aborted) return;
      done.current(await enter({ mediation: "conditional", signal: here.signal }));
    };
    offered().catch((error: unknown) => {
      if (here.signal.aborted) return;
      // Only what was chosen and then refused is news: that there is no offer shows nowhere.
      if (Problem.from(error).status === 401) setRefused(error);
      // The browser takes one question at a time, and may not have put away that of the page before.
      clearTimeout(later);
      later = setTimeout(anew, Math.min(FRESH_MS, AGAIN_MS * 2 ** failures.current));
      failures.current += 1;
    });
    return () => {
      clearTimeout(later);
      here.abort();
    };
  }, [round]);

  const press = useMutation({
    mutationFn: () => {
      // One question at a time: the browser refuses a second one while the first is open.
      offer.current?.abort();
      return enter();
    },
    onMutate: () => setRefused(undefined),
    onSuccess: onDone,
    onError: () => setRound((past) => past + 1),
  });

  if (!supported()) return null;
  const error = press.error ?? refused;
  return (
    <div className="door-passkey">
      {Boolean(error) && (
        <ProblemAlert
          error={error}
          title={Problem.from(error).status === 401 ? t("passkey.refused") : undefined}
        />
      )}
      <Button
        size="large"
        block
        icon={<Fingerprint size={16} aria-hidden />}
        loading={press.isPending}
        onClick={() => press.mutate()}
      >
        {t("factor.use_passkey")}
      </Button>
    </div>
  );
}
