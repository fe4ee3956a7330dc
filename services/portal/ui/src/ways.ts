/** What somebody may show as second factor, the strongest first. Codes that are sent are weaker and come after all else but paper. */
import type { FactorsView } from "./api/types";

export const WEAKER = ["sms", "email"] as const;
export type Weaker = (typeof WEAKER)[number];

const AT_SIGN_IN = ["webauthn", "totp", ...WEAKER, "recovery"] as const;
export type SignInWay = (typeof AT_SIGN_IN)[number];
export type StepUpWay = "passkey" | "password" | "code" | Weaker | "recovery_code";

export const isWeaker = (way: string | undefined): way is Weaker => WEAKER.some((weaker) => weaker === way);

/** Of those that the server takes, those that this browser can show. */
export const waysToSignIn = (methods: string[], passkeys: boolean): SignInWay[] =>
  AT_SIGN_IN.filter((way) => methods.includes(way) && (way !== "webauthn" || passkeys));

/** Who has a second factor must show it: a password is not enough then, nor is a code that is sent where a stronger one is had. */
export function waysToStepUp(
  { items, weaker_kinds, recovery_codes_left }: FactorsView,
  passkeys: boolean,
): StepUpWay[] {
  const kinds = new Set(items.filter(({ confirmed }) => confirmed).map(({ kind }) => kind));
  const weaker = WEAKER.filter((kind) => kinds.has(kind) && weaker_kinds.includes(kind));
  const strong = kinds.has("webauthn") || kinds.has("totp");
  if (!strong && weaker.length === 0) return ["password"];
  const ways: StepUpWay[] = [];
  if (kinds.has("webauthn") && passkeys) ways.push("passkey");
  if (kinds.has("totp")) ways.push("code");
  if (!strong) ways.push(...weaker);
  if (recovery_codes_left > 0 || ways.length === 0) ways.push("recovery_code");
  return ways;
}
