import { expect, test } from "vitest";
import { clean } from "./clean";

test("what a terminal would act on is not shown", () => {
  expect(clean("\x1b[2J\x1b[1;31mred\x1b[0m\r\n\x1b]0;title\x07ok\r\n")).toBe("red\nok");
  expect(clean("10%\r50%\r100%\r\ndone")).toBe("100%\ndone");
  expect(clean("a\x00b\x7fc\ttab")).toBe("abc\ttab");
});

test("markup stays text", () => {
  expect(clean("<img src=x onerror=alert(1)>")).toBe("<img src=x onerror=alert(1)>");
});
