import { expect, test } from "vitest";
import type { FlavorView } from "./api/types";
import { allowed, parseLabels, takes, tone } from "./vm";

test("actions follow the status", () => {
  const actions = ["start", "stop", "reboot", "delete"] as const;
  const at = (status: string) => actions.filter((action) => allowed(action, status));
  expect(at("running")).toEqual(["stop", "reboot", "delete"]);
  expect(at("stopped")).toEqual(["start", "delete"]);
  expect(at("failed")).toEqual(["start", "delete"]);
  expect(at("building")).toEqual(["delete"]);
  expect(at("deleting")).toEqual([]);
  expect(at("deleted")).toEqual([]);
});

test("a status of a newer server is unknown, not an error", () => {
  expect(tone("hibernating")).toBe("unknown");
});

test("what a flavor takes is set against each quota", () => {
  const flavor = { vcpus: 4, memory_mib: 8192, disk_gib: 80 } as FlavorView;
  const quotas = [
    { resource: "vms", limit: 2, used: 1 },
    { resource: "vcpus", limit: 4, used: 1 },
    { resource: "gpus", limit: 0, used: 0 },
  ];
  expect(takes(flavor, quotas).map(({ takes, over }) => [takes, over])).toEqual([
    [1, false],
    [4, true],
    [0, false],
  ]);
  expect(takes(undefined, quotas).map(({ takes }) => takes)).toEqual([0, 0, 0]);
});

test("labels are read as they are written", () => {
  expect(parseLabels(" env=test,\nteam = web, empty=")).toEqual({ env: "test", team: "web", empty: "" });
  expect(parseLabels("")).toEqual({});
  expect(parseLabels("env")).toBeUndefined();
});
