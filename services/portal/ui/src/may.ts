/** What the caller may do on the whole organisation, so that pages offer nothing that would only be refused. */
import { useQuery } from "@tanstack/react-query";
import { roles } from "./api/identity";
import type { RoleView } from "./api/types";
import { isOperator, useMe } from "./project";

/** Does one of these permissions, as `vm.read` or `vm.*`, carry the action? */
export function carries(permissions: readonly string[], action: string): boolean {
  const resource = action.split(".")[0] ?? "";
  return permissions.some((held) => held === action || held === `${resource}.*`);
}

/** All that these roles carry, by name. */
export function permissionsOf(names: readonly string[], known: readonly RoleView[]): string[] {
  return known.filter(({ name }) => names.includes(name)).flatMap(({ permissions }) => permissions);
}

/** Every action that a role may carry, with `resource.*` before the actions of each resource. */
export function everyPermission(known: readonly RoleView[]): { resource: string; permissions: string[] }[] {
  const byResource = new Map<string, Set<string>>();
  for (const permission of known.flatMap(({ permissions }) => permissions)) {
    const resource = permission.split(".")[0] ?? "";
    const of = byResource.get(resource) ?? new Set([`${resource}.*`]);
    byResource.set(resource, of.add(permission));
  }
  return [...byResource]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([resource, permissions]) => ({ resource, permissions: [...permissions].sort() }));
}

/** False until it is known. The server decides anyway. */
export function useMay(): (action: string) => boolean {
  const mine = useMe();
  const { data } = useQuery({ ...roles(), enabled: !isOperator(mine) });
  const held = permissionsOf(mine.roles, data?.items ?? []);
  return (action) => carries(held, action);
}
