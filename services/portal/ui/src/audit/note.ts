/** Keys, signed notes and checkpoints: c2sp.org/signed-note, tlog-checkpoint and tlog-cosignature. */
import { sha256 } from "@noble/hashes/sha2.js";
import { checker, type Check } from "./ed25519";
import { Beyond, Wrong } from "./finding";
import { base64, concat, decimal, hash, hex, same, utf8 } from "./text";

const MAX_NOTE = 64 * 1024;
const MAX_SIGNATURES = 64;
const MARK = "\u2014 ";

/** What a key signs: notes, or a time and a note. */
export type Algorithm = "note" | "cosignature";
const ALGORITHMS: Record<number, Algorithm> = { 1: "note", 4: "cosignature" };

const isName = (name: string) =>
  name !== "" && utf8(name).length <= 255 && !/[\p{White_Space}\p{Cc}+]/u.test(name);

/** A name and the key that signs under it, written `name+id+key`. */
export class Key {
  readonly name: string;
  readonly algorithm: Algorithm;
  readonly id: Uint8Array;
  private readonly bytes: Uint8Array<ArrayBuffer>;
  private check: Promise<Check> | undefined;

  constructor(readonly text: string) {
    const [name, id, ...rest] = text.split("+");
    // Base64 has plus signs too.
    const data = base64(rest.join("+"));
    const algorithm = ALGORITHMS[data[0] ?? 0];
    if (name === undefined || !isName(name) || !algorithm || data.length !== 33) throw new Wrong("no key");
    this.name = name;
    this.algorithm = algorithm;
    this.bytes = data.slice(1);
    this.id = sha256(concat(utf8(`${name}\n`), data)).slice(0, 4);
    if (id !== hex(this.id)) throw new Wrong("the id is not that of name and key");
  }

  /** Undefined: not by this key. Otherwise when it was cosigned, in seconds since 1970; a plain signature knows no time. */
  async verify(text: string, signature: Uint8Array<ArrayBuffer>): Promise<{ time?: bigint } | undefined> {
    this.check ??= checker(this.bytes);
    const check = await this.check;
    if (this.algorithm === "note") return (await check(signature, utf8(text))) ? {} : undefined;
    if (signature.length < 8) return undefined;
    const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
    if (time >= 2n ** 63n) return undefined;
    const message = utf8(`cosignature/v1\ntime ${time}\n${text}`);
    return (await check(signature.slice(8), message)) ? { time } : undefined;
  }
}

interface Signature {
  name: string;
  keyId: Uint8Array;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Whether a key signed a note: somebody else did, the key did, or somebody did in its name. */
export type Standing = { by: "nobody" } | { by: "key"; time?: bigint } | { by: "forger" };

/** A text and its signatures. */
export class Note {
  readonly text: string;
  readonly signatures: readonly Signature[];

  constructor(whole: string) {
    // eslint-disable-next-line no-control-regex
    if (utf8(whole).length > MAX_NOTE || /[\x00-\x09\x0b-\x1f]/.test(whole)) throw new Wrong("no note");
    const end = whole.lastIndexOf("\n\n");
    if (end < 0 || end + 2 >= whole.length || !whole.endsWith("\n")) throw new Wrong("no signatures");
    this.text = whole.slice(0, end + 1);
    const lines = whole.slice(end + 2, -1).split("\n");
    if (lines.length > MAX_SIGNATURES) throw new Wrong("too many signatures");
    this.signatures = lines.map(signature);
  }

  of(key: Key): Signature[] {
    return this.signatures.filter(({ name, keyId }) => name === key.name && same(keyId, key.id));
  }

  /** All that is signed in the key's name must be signed by it. */
  async standing(key: Key): Promise<Standing> {
    let standing: Standing = { by: "nobody" };
    for (const { bytes } of this.of(key)) {
      const signed = await key.verify(this.text, bytes);
      if (!signed) return { by: "forger" };
      standing = { by: "key", ...signed };
    }
    return standing;
  }
}

function signature(line: string): Signature {
  const space = line.indexOf(" ", MARK.length);
  const name = line.slice(MARK.length, space);
  if (!line.startsWith(MARK) || space < 0 || !isName(name)) throw new Wrong("no signature");
  const bytes = base64(line.slice(space + 1));
  if (bytes.length <= 4) throw new Wrong("a short signature");
  return { name, keyId: bytes.slice(0, 4), bytes: bytes.slice(4) };
}

/** What a signed note says of a log. */
export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array;
  /** In seconds since 1970, if it says so once and properly. */
  time: number | undefined;
}

export function checkpoint(text: string): Checkpoint {
  if (!text.endsWith("\n")) throw new Wrong("no checkpoint");
  const [origin, size, root, ...more] = text.slice(0, -1).split("\n");
  if (!origin || size === undefined || root === undefined || more.includes(""))
    throw new Wrong("no checkpoint");
  return { origin, size: decimal(size), root: hash(root), time: timeOf(more) };
}

function timeOf(lines: string[]): number | undefined {
  const [time, ...others] = lines.filter((line) => line.startsWith("time "));
  if (time === undefined || others.length > 0) return undefined;
  try {
    return decimal(time.slice(5));
  } catch (error) {
    if (error instanceof Wrong && !(error instanceof Beyond)) return undefined;
    throw error;
  }
}
