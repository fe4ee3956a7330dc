import { expect, test } from "vitest";
import { answers, decisions } from "./access";

const access = (state: string, kind: "consent" | "break_glass" = "consent") => ({
  state,
  kind,
  operator: "operator:root",
});
const all = () => true;

test("what waits for consent is approved or refused, what is in force is ended, what is over is left alone", () => {
  expect(decisions(access("requested"), all)).toEqual(["approve", "refuse"]);
  expect(decisions(access("granted"), all)).toEqual(["end"]);
  for (const over of ["refused", "ended", "expired"]) expect(decisions(access(over), all)).toEqual([]);
});

test("nobody consents to an emergency, and everybody concerned may end it", () => {
  expect(decisions(access("requested", "break_glass"), all)).toEqual(["end"]);
  expect(decisions(access("granted", "break_glass"), all)).toEqual(["end"]);
});

test("only what the caller may do is offered", () => {
  const may = (action: string) => action === "operator_access.refuse";
  expect(decisions(access("requested"), may)).toEqual(["refuse"]);
  expect(decisions(access("granted"), may)).toEqual([]);
});

test("an operator ends their own and confirms others' emergencies", () => {
  expect(answers(access("requested", "break_glass"), "root")).toEqual(["end"]);
  expect(answers(access("requested", "break_glass"), "toor")).toEqual(["confirm"]);
  expect(answers(access("granted", "break_glass"), "toor")).toEqual([]);
  expect(answers(access("requested"), "toor")).toEqual([]);
  expect(answers(access("granted"), "root")).toEqual(["end"]);
  expect(answers(access("ended"), "root")).toEqual([]);
});
