import { expect, test } from "vitest";
import { isShaped, kindsOf, rulesIn, USUAL } from "./password";

test("length is counted in characters, as the server counts it", () => {
  expect(isShaped(USUAL, "云端的鱼不会在星期三唱京剧吧")).toBe(false);
  expect(isShaped(USUAL, "云端的鱼不会在星期三唱京剧好吗")).toBe(true);
  expect(isShaped(USUAL, "\u{1F40B}".repeat(14))).toBe(false);
});

test("there are four kinds of characters", () => {
  for (const [text, kinds] of [
    ["", 0],
    ["abc", 1],
    ["abC", 2],
    ["abC1", 3],
    ["abC1!", 4],
    ["云端tz7", 3],
  ] as const)
    expect(kindsOf(text), text).toBe(kinds);
});

test("a link names the rules of its organisation", () => {
  const strict = rulesIn("#rules=mlps3&token=ypr_a");
  expect(isShaped(strict, "Tz7!kWq2p")).toBe(false);
  expect(isShaped(strict, "Tz7kWq2pvx")).toBe(true);
  expect(isShaped(strict, "correct horse battery staple")).toBe(false);
  expect(rulesIn("#token=ypr_a")).toBe(USUAL);
});
