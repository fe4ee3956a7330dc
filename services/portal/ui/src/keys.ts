/** The keys of the organisation's data, as a page shows them: one row for each purpose. */
import type { DataKeyView } from "./api/types";

export interface Purpose {
  purpose: string;
  current: DataKeyView;
  /** How many older keys still open what they sealed. */
  previous: number;
}

/** One for each purpose, in the order in which the server names them; the newest key of each is the one that seals. */
export function byPurpose(keys: readonly DataKeyView[]): Purpose[] {
  const found = new Map<string, Purpose>();
  for (const key of keys) {
    const known = found.get(key.purpose);
    if (!known) {
      found.set(key.purpose, { purpose: key.purpose, current: key, previous: 0 });
      continue;
    }
    known.previous += 1;
    if (key.epoch > known.current.epoch) known.current = key;
  }
  return [...found.values()];
}

/** When the next of these keys comes of age; none while there are none. */
export function nextDue(purposes: readonly Purpose[]): string | undefined {
  const due = purposes.map(({ current }) => current.due_at).filter((at) => at != null);
  return due.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}
