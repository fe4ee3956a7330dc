/** The keys of the organisation's data, as a page shows them: one row for each purpose. */
import type { DataKeyView } from "./api/types";
import type { Tone } from "./vm";

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

/** What is typed in of a key that the organisation keeps itself. */
export interface KeeperFields {
  url: string;
  mount: string;
  key: string;
  token: string;
  namespace?: string;
  ca?: string;
}

/** The same as it is sent: pasted text comes with white space around it, and what is empty is not there. */
export function keeperBody(fields: KeeperFields) {
  const text = (value: string | undefined) => value?.trim() || null;
  return {
    url: fields.url.trim(),
    mount: fields.mount.trim(),
    key: fields.key.trim(),
    token: fields.token.trim(),
    namespace: text(fields.namespace),
    ca: text(fields.ca),
  };
}

/** How a keeper's state looks; one that is not known yet, like nothing in particular. */
export function keeperTone(state: string): Tone {
  if (state === "ok") return "good";
  return state === "away" ? "bad" : "idle";
}
