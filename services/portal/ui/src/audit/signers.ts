/** Whose signatures count, and when. */
import { Seen, type Signed } from "./finding";
import type { Key, Note, Standing } from "./note";
import type { KnownKey } from "./wire";

interface Party {
  key: Key;
  period: KnownKey | undefined;
  pinned: boolean;
  signed: boolean;
}

function party(key: Key, listed: KnownKey[], pinned: boolean): Party {
  return { key, period: listed.find((known) => known.key.text === key.text), pinned, signed: false };
}

/** Checkpoints know whole seconds only: a key is good in each that it was good in at all. */
function isGood({ period }: Party, seconds: bigint): boolean {
  if (!period) return true;
  const at = seconds * 1_000_000n;
  const { from, until } = period;
  return from - (from % 1_000_000n) <= at && (until === null || at < until);
}

export class Signers {
  /** Signatures that were seen by nobody of these. */
  strangers = 0;
  private readonly log: Party[];
  private readonly witnesses: Party[];

  /** Keys that are named by whoever verifies stand in place of those of the file; witnesses count beside those of the file. */
  constructor(keys: Key[], witnesses: Key[], listed: { keys: KnownKey[]; witnesses: KnownKey[] }) {
    const odd = (some: Key[], wanted: string) => some.some(({ algorithm }) => algorithm !== wanted);
    if (odd(keys, "note") || odd(witnesses, "cosignature")) throw new Seen("trusted_kind", null);
    this.log =
      keys.length > 0
        ? keys.map((key) => party(key, listed.keys, true))
        : listed.keys.map(({ key }) => party(key, listed.keys, false));
    const named = new Set(witnesses.map(({ text }) => text));
    this.witnesses = [
      ...witnesses.map((key) => party(key, listed.witnesses, true)),
      ...listed.witnesses
        .filter(({ key }) => !named.has(key.text))
        .map(({ key }) => party(key, listed.witnesses, false)),
    ];
  }

  /** Did the log sign at all, whenever that was? */
  async knows(note: Note): Promise<boolean> {
    const standings: Standing[] = [];
    for (const { key } of this.log) standings.push(await note.standing(key));
    return standings.some(({ by }) => by === "key") && !standings.some(({ by }) => by === "forger");
  }

  /** Finds that the log signed at this time, and who cosigned; `behind` is what is not believed otherwise. */
  async check(note: Note, seconds: number, behind: number | null): Promise<Signed[]> {
    let known = await this.checkLog(note, seconds, behind);
    const cosigned: Signed[] = [];
    for (const one of this.witnesses) {
      const standing = await note.standing(one.key);
      const { name, text } = one.key;
      if (standing.by === "forger") throw new Seen("signature", behind, { name });
      if (standing.by === "key") {
        const time = standing.time ?? 0n;
        if (!isGood(one, time)) throw new Seen("key_time", behind, { name });
        cosigned.push({ key: text, pinned: one.pinned, time: Number(time) });
      }
      known += note.of(one.key).length;
    }
    this.strangers += Math.max(0, note.signatures.length - known);
    return cosigned;
  }

  private async checkLog(note: Note, seconds: number, behind: number | null): Promise<number> {
    let known = 0;
    let good = false;
    let late: string | undefined;
    for (const one of this.log) {
      const { by } = await note.standing(one.key);
      const { name } = one.key;
      if (by === "forger") throw new Seen("signature", behind, { name });
      if (by === "key" && isGood(one, BigInt(seconds))) {
        one.signed = true;
        good = true;
      } else if (by === "key") late = name;
      known += note.of(one.key).length;
    }
    if (!good && late !== undefined) throw new Seen("key_time", behind, { name: late });
    if (!good) throw new Seen("unsigned", behind);
    return known;
  }

  signed(): Signed[] {
    return this.log.filter(({ signed }) => signed).map(({ key, pinned }) => ({ key: key.text, pinned }));
  }

  /** Keys that were named and used, and of which the file does not say when they were good. */
  withoutPeriod(): string[] {
    return this.log.filter(({ signed, period }) => signed && !period).map(({ key }) => key.text);
  }
}
