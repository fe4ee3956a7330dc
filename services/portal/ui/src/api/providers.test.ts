import { expect, test } from "vitest";
import { answerOf, isName, type Away } from "./providers";

const away: Away = { secret: "yxs_a", state: "mine", why: "sign_in" };

test("only an answer to what this tab has asked is one", () => {
  expect(answerOf("?code=c&state=mine&iss=https%3A%2F%2Fid.example", away)).toEqual({
    code: "c",
    state: "mine",
    iss: "https://id.example",
  });
  expect(answerOf("?code=c&state=mine", away)).toEqual({ code: "c", state: "mine" });
  for (const search of ["?code=c&state=others", "?error=access_denied&state=mine", "?code=&state=mine", ""])
    expect(answerOf(search, away), search).toBeUndefined();
  expect(answerOf("?code=c&state=mine", undefined)).toBeUndefined();
});

test("what cannot be a tenant is not asked for", () => {
  for (const name of ["a", "acme", "web-1"]) expect(isName(name), name).toBe(true);
  for (const name of ["", "A", "1a", "a-", "a_b", "a".repeat(64)]) expect(isName(name), name).toBe(false);
});
