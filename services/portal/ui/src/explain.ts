/** What is asked about somebody's right, and how the answer is told. */
import type { Subject } from "./parts/choices";
import type { Explain, Explanation, Ground, RoleView } from "./api/types";
import type { Key } from "./i18n";

export interface ExplainSearch {
  /** Somebody's id; nobody: oneself. */
  who?: string | undefined;
  permission?: string | undefined;
  /** A project's id; none: the whole organisation. */
  project?: string | undefined;
}

/** The question, once enough of it is chosen. Whoever is not known here is not asked about. */
export function questionOf(
  { who, permission, project }: ExplainSearch,
  subjects: readonly Subject[],
): Explain | undefined {
  if (!permission) return undefined;
  const where = project ? { project } : {};
  if (!who) return { permission, ...where };
  const found = subjects.find(({ id }) => id === who);
  return found && { principal: { kind: found.kind, id: found.id }, permission, ...where };
}

/** Every action that some role carries, by name. */
export function actionsOf(roles: readonly RoleView[]): string[] {
  const named = roles.flatMap(({ permissions }) => permissions).filter((name) => !name.endsWith(".*"));
  return [...new Set(named)].sort();
}

const ORDER = ["counts", "factor", "network", "until", "withheld", "elsewhere"];

/** What counts first, then what comes closest to it. */
export function inOrder(grounds: readonly Ground[]): Ground[] {
  const place = ({ part }: Ground) => (ORDER.includes(part) ? ORDER.indexOf(part) : ORDER.length);
  return grounds.toSorted((a, b) => place(a) - place(b));
}

/** Why, as it is told: a role that is there and does not count is another matter than none. */
export function reasonOf({ reason, bindings, roles }: Explanation): Key | undefined {
  if (reason !== "missing") {
    const told: Record<string, Key> = {
      granted: "explain.reason.granted",
      anyone: "explain.reason.anyone",
      scope: "explain.reason.scope",
      step_up: "explain.reason.step_up",
      owed: "explain.reason.owed",
      disabled: "explain.reason.disabled",
    };
    return told[reason];
  }
  if (bindings.some(({ part }) => part !== "elsewhere")) return "explain.reason.unmet";
  return roles.length === 0 ? "explain.reason.nowhere" : "explain.reason.missing";
}
