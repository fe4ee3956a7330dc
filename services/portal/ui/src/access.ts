/** Platform operators in a tenant's content: what may be done to an access, so that pages offer nothing that is refused. */
import type { OperatorAccessView } from "./api/types";
import type { Tone } from "./vm";

export const ACCESS_STATES = ["requested", "granted", "refused", "ended", "expired"] as const;
export type AccessState = (typeof ACCESS_STATES)[number];

export const TONES: Record<string, Tone> = {
  requested: "moving",
  granted: "bad",
  refused: "idle",
  ended: "idle",
  expired: "idle",
};

export type Decision = "approve" | "refuse" | "end";
type Known = Pick<OperatorAccessView, "state" | "kind" | "operator">;

/** What somebody of the tenant may do: an emergency waits for nobody's consent, and can only be ended. */
export function decisions({ state, kind }: Known, may: (action: string) => boolean): Decision[] {
  const open: Decision[] =
    state === "granted" || (state === "requested" && kind === "break_glass")
      ? ["end"]
      : state === "requested"
        ? ["approve", "refuse"]
        : [];
  return open.filter((decision) => may(`operator_access.${decision}`));
}

/** What an operator may do: end their own, and confirm somebody else's emergency. */
export function answers({ state, kind, operator }: Known, me: string): ("confirm" | "end")[] {
  if (operator === `operator:${me}`) return state === "requested" || state === "granted" ? ["end"] : [];
  return state === "requested" && kind === "break_glass" ? ["confirm"] : [];
}
