import { expect, test } from "vitest";
import type { Explanation, Ground, RoleView } from "./api/types";
import { actionsOf, inOrder, questionOf, reasonOf } from "./explain";

const ada = { kind: "user" as const, id: "u1", name: "ada@example.com" };
const robot = { kind: "service_account" as const, id: "a1", name: "robot" };
const ground = (part: string) => ({ part }) as Ground;
const answer = (reason: string, parts: string[], roles: string[]) =>
  ({ reason, bindings: parts.map(ground), roles }) as unknown as Explanation;

test("a question waits for its permission and for whom it knows", () => {
  expect(questionOf({}, [ada])).toBeUndefined();
  expect(questionOf({ who: "u1" }, [ada])).toBeUndefined();
  expect(questionOf({ who: "u2", permission: "vm.read" }, [ada])).toBeUndefined();
  expect(questionOf({ permission: "vm.read" }, [])).toEqual({ permission: "vm.read" });
  expect(questionOf({ who: "a1", permission: "vm.read", project: "p1" }, [ada, robot])).toEqual({
    principal: { kind: "service_account", id: "a1" },
    permission: "vm.read",
    project: "p1",
  });
});

test("single actions are offered once each, by name", () => {
  const roles = [
    { permissions: ["vm.read", "vm.*"] },
    { permissions: ["audit.list", "vm.read"] },
  ] as RoleView[];
  expect(actionsOf(roles)).toEqual(["audit.list", "vm.read"]);
});

test("what counts comes first, what is elsewhere last, and a new word after all", () => {
  const parts = inOrder(["elsewhere", "novel", "factor", "counts"].map(ground)).map(({ part }) => part);
  expect(parts).toEqual(["counts", "factor", "elsewhere", "novel"]);
});

test("a role that does not count is told apart from none", () => {
  expect(reasonOf(answer("granted", ["counts"], ["owner"]))).toBe("explain.reason.granted");
  expect(reasonOf(answer("missing", ["factor", "elsewhere"], ["owner"]))).toBe("explain.reason.unmet");
  expect(reasonOf(answer("missing", ["elsewhere"], ["owner"]))).toBe("explain.reason.missing");
  expect(reasonOf(answer("missing", [], ["owner"]))).toBe("explain.reason.missing");
  expect(reasonOf(answer("missing", [], []))).toBe("explain.reason.nowhere");
  expect(reasonOf(answer("novel", [], []))).toBeUndefined();
});
