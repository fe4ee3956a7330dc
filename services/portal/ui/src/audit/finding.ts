/** What the verifier says: that all of a file holds, or what does not. The words are those of the other verifiers. */

export type FindingCode =
  | "unreadable"
  | "too_long"
  | "malformed"
  | "beyond"
  | "format"
  | "misplaced"
  | "frontier"
  | "gap"
  | "order"
  | "leaf"
  | "half_shown"
  | "content"
  | "proof"
  | "origin"
  | "unsigned"
  | "signature"
  | "no_time"
  | "key_time"
  | "place"
  | "root"
  | "open"
  | "trusted"
  | "trusted_origin"
  | "trusted_unsigned"
  | "trusted_kind"
  | "trusted_witnesses"
  | "split"
  | "rolled_back"
  | "unlinked"
  | "head"
  | "witness";

export type Values = Record<string, string | number>;

export interface Finding {
  /** One word for programs. */
  code: string;
  /** The word under which its text is found: of a checkpoint that cannot be used, also why. */
  what: FindingCode;
  /** From which entry on the file is not believed; null where nothing of it is. */
  seq: number | null;
  /** In which line it was seen, from 1. */
  line: number;
  values: Values;
}

export interface Signed {
  key: string;
  /** Whether whoever verifies named the key; otherwise the file did. */
  pinned: boolean;
  /** Of a cosignature: when it was made, in seconds since 1970. */
  time?: number;
}

export type WarningCode = "keys_from_file" | "nothing_trusted" | "selection" | "period_unknown" | "strangers";

export interface Warning {
  code: WarningCode;
  values: Values;
}

/** That the last checkpoint stands in the register of all logs. */
export interface Registered {
  origin: string;
  /** How many leaves the register had. */
  size: number;
  /** When its checkpoint was signed, in seconds since 1970. */
  time: number;
  /** Who cosigned it. */
  cosigned: Signed[];
}

export interface Report {
  tenant: string;
  origin: string;
  /** Whether the file has every entry between its first and its last. */
  complete: boolean;
  entries: number;
  /** How many of them without their content: withheld or erased. */
  withheld: number;
  checkpoints: number;
  firstSeq: number | null;
  lastSeq: number | null;
  /** What was signed last, and when, in seconds since 1970. */
  size: number;
  root: string;
  time: number;
  signed: Signed[];
  /** Who cosigned the last checkpoint. */
  cosigned: Signed[];
  /** What the register has of the last checkpoint, where the file tells. */
  register?: Registered;
  /** The size of the trusted checkpoint that all of it agrees with. */
  agreesWith: number | null;
  warnings: Warning[];
}

export type Verdict = { good: true; report: Report } | { good: false; finding: Finding };

/** Something that keeps the file from being believed, seen where `seq` says. */
export class Seen extends Error {
  override readonly name = "Seen";

  constructor(
    readonly what: FindingCode,
    readonly seq: number | null,
    readonly values: Values = {},
  ) {
    super(what);
  }

  inLine(line: number): Finding {
    const { what, seq, values } = this;
    return { code: what.startsWith("trusted") ? "trusted" : what, what, seq, line, values };
  }
}

/** Something is not written as it should be; where that was is for the caller to say. */
export class Wrong extends Error {
  override readonly name: string = "Wrong";
}

/** A number is good, and larger than a browser can count to without mistakes: 2^53 - 1. */
export class Beyond extends Wrong {
  override readonly name = "Beyond";
}

/** Reads what may be written wrongly, and says where it was. */
export function reading<T>(seq: number | null, what: FindingCode, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Beyond) throw new Seen("beyond", seq);
    if (error instanceof Wrong) throw new Seen(what, seq);
    throw error;
  }
}
