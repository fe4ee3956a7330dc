/** What is asked of a breach: fields as people fill them, and the query they become. */

export interface BreachFields {
  /** Local times, as `datetime-local` has them. */
  since: string;
  until?: string;
  actor?: string;
  credential?: string;
  session?: string;
  ip?: string;
}

export interface BreachQuery {
  since: string;
  until?: string;
  actor?: string;
  credential?: string;
  session?: string;
  ip?: string;
}

const SUSPECTS = ["actor", "credential", "session", "ip"] as const;

/** Lists may be typed with commas, spaces or on lines of their own. */
function list(text: string | undefined): string | undefined {
  const parts = (text ?? "").split(/[\s,，、]+/).filter((part) => part !== "");
  return parts.length > 0 ? parts.join(",") : undefined;
}

/** Is anybody suspected at all? */
export function suspectsSomebody(fields: Partial<BreachFields>): boolean {
  return SUSPECTS.some((name) => list(fields[name]) !== undefined);
}

export function breachQuery(fields: BreachFields): BreachQuery {
  const query: BreachQuery = { since: new Date(fields.since).toISOString() };
  if (fields.until) query.until = new Date(fields.until).toISOString();
  for (const name of SUSPECTS) {
    const all = list(fields[name]);
    if (all !== undefined) query[name] = all;
  }
  return query;
}
