import { expect, test } from "vitest";
import type { FactorsView } from "./api/types";
import { isWeaker, waysToSignIn, waysToStepUp } from "./ways";

const has = (kinds: string[], more: Partial<FactorsView> = {}): FactorsView => ({
  items: kinds.map((kind) => ({
    id: kind,
    kind,
    strength: isWeaker(kind) ? "weaker" : "strong",
    name: kind,
    confirmed: true,
    generation: 1,
    created_at: "",
    updated_at: "",
  })),
  weaker_kinds: ["sms", "email"],
  recovery_codes_left: 0,
  ...more,
});

test("at sign-in the strongest that the browser can show comes first, and unknown words are passed over", () => {
  const methods = ["webauthn", "totp", "recovery", "sms", "email", "carrier_pigeon"];
  expect(waysToSignIn(methods, true)).toEqual(["webauthn", "totp", "sms", "email", "recovery"]);
  expect(waysToSignIn(methods, false)[0]).toBe("totp");
  expect(waysToSignIn(["recovery", "email"], true)).toEqual(["email", "recovery"]);
});

test("a code that is sent proves nothing anew for whoever has more", () => {
  expect(waysToStepUp(has(["sms", "totp"]), true)).toEqual(["code"]);
  expect(waysToStepUp(has(["email", "webauthn"]), false)).toEqual(["recovery_code"]);
  expect(waysToStepUp(has(["sms", "email"], { recovery_codes_left: 3 }), true)).toEqual([
    "sms",
    "email",
    "recovery_code",
  ]);
});

test("what the organisation does not allow any more is no factor", () => {
  expect(waysToStepUp(has(["sms"], { weaker_kinds: [] }), true)).toEqual(["password"]);
  expect(waysToStepUp(has(["sms", "email"], { weaker_kinds: ["email"] }), true)).toEqual(["email"]);
  expect(waysToStepUp(has([]), true)).toEqual(["password"]);
});

test("what is not confirmed counts for nothing", () => {
  const view = has(["sms"]);
  const waiting = { ...view, items: view.items.map((item) => ({ ...item, confirmed: false })) };
  expect(waysToStepUp(waiting, true)).toEqual(["password"]);
});
