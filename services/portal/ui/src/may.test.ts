import { expect, test } from "vitest";
import type { RoleView } from "./api/types";
import { carries, everyPermission, permissionsOf } from "./may";

const role = (name: string, ...permissions: string[]) => ({ name, permissions }) as RoleView;

test("a permission carries its action, and a starred one all of its resource", () => {
  expect(carries(["vm.read"], "vm.read")).toBe(true);
  expect(carries(["vm.read"], "vm.delete")).toBe(false);
  expect(carries(["vm.*"], "vm.delete")).toBe(true);
  expect(carries(["vm.*"], "vmware.delete")).toBe(false);
  expect(carries([], "vm.read")).toBe(false);
});

test("roles carry together, and unknown ones nothing", () => {
  const known = [role("viewer", "vm.read"), role("runner", "vm.operate"), role("owner", "user.delete")];
  expect(permissionsOf(["viewer", "runner", "gone"], known)).toEqual(["vm.read", "vm.operate"]);
});

test("what may be granted is read off all roles, once each", () => {
  const known = [role("viewer", "vm.read", "audit.list"), role("owner", "vm.read", "vm.create", "vm.*")];
  expect(everyPermission(known)).toEqual([
    { resource: "audit", permissions: ["audit.*", "audit.list"] },
    { resource: "vm", permissions: ["vm.*", "vm.create", "vm.read"] },
  ]);
});
