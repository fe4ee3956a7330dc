import { useSuspenseQuery } from "@tanstack/react-query";
import { me } from "./api/queries";
import type { Me } from "./api/types";
import { reference } from "./format";
import { getPrefs } from "./prefs";

export type Project = Me["projects"][number];

/** The project last worked in, or the first. */
export function homeProject(known: Me): Project | undefined {
  const last = getPrefs().project;
  return known.projects.find((project) => project.id === last) ?? known.projects[0];
}

export function useMe(): Me {
  return useSuspenseQuery(me()).data;
}

/** The project an address names, by name or id. */
export function useProject(nameOrId: string): Project | undefined {
  return useMe().projects.find(({ id, name }) => name === nameOrId || id === nameOrId);
}

/** The platform's own staff: its machines, no tenant's content. */
export function isOperator(known: Me): boolean {
  return known.roles.includes("platform_operator");
}

/** Reading the log is for owners and auditors; to others its page would only say so. */
export function mayAudit(known: Me): boolean {
  return known.roles.some((role) => role === "owner" || role === "auditor");
}

/** A project's name, or the end of its id for those the caller does not see. */
export function useProjectName(): (id: string) => string {
  const { projects } = useMe();
  return (id) => projects.find((project) => project.id === id)?.name ?? reference(`project:${id}`);
}
