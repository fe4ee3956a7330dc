/** Reads a line from left to right in the one spelling that the format knows. JSON's other spellings it does not read. */
import { Wrong } from "./finding";
import { decimal, hash, MAX_U64 } from "./text";
import { MAX_PROOF } from "./tree";

const ESCAPES: Record<string, string> = {
  '"': '"',
  "\\": "\\",
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
};

export class Cursor {
  private at = 0;

  constructor(private readonly line: string) {}

  literal(wanted: string): void {
    if (!this.skip(wanted)) throw new Wrong("not its fields, in their order and spelling");
  }

  /** Goes on behind the text if it stands here. */
  skip(text: string): boolean {
    const here = this.line.startsWith(text, this.at);
    if (here) this.at += text.length;
    return here;
  }

  end(): void {
    if (this.at !== this.line.length) throw new Wrong("something stands behind it");
  }

  take(length: number): string {
    const taken = this.line.slice(this.at, this.at + length);
    if (taken.length < length) throw new Wrong("it ends too early");
    this.at += length;
    return taken;
  }

  number(largest = MAX_U64): number {
    const from = this.at;
    while (isDigit(this.line.charCodeAt(this.at))) this.at += 1;
    return decimal(this.line.slice(from, this.at), largest);
  }

  boolean(): boolean {
    if (this.skip("true")) return true;
    this.literal("false");
    return false;
  }

  hash(): Uint8Array {
    this.literal('"');
    const read = hash(this.take(44));
    this.literal('"');
    return read;
  }

  hashes(most = Infinity): Uint8Array[] {
    return this.list(() => this.hash(), most);
  }

  proof(): Uint8Array[] {
    return this.hashes(MAX_PROOF);
  }

  list<T>(read: () => T, most: number): T[] {
    const items: T[] = [];
    this.literal("[");
    if (this.skip("]")) return items;
    do {
      if (items.length === most) throw new Wrong("too many");
      items.push(read());
    } while (this.skip(","));
    this.literal("]");
    return items;
  }

  orNull<T>(read: () => T): T | null {
    return this.skip("null") ? null : read();
  }

  text(): string {
    this.literal('"');
    let whole = "";
    for (;;) {
      const from = this.at;
      let code = this.line.charCodeAt(this.at);
      // Not a number at the end of the line, and then no comparison holds.
      while (code >= 0x20 && code !== 0x22 && code !== 0x5c) code = this.line.charCodeAt(++this.at);
      whole += this.line.slice(from, this.at);
      if (this.skip('"')) return whole;
      whole += this.escape();
    }
  }

  /** The shortest escape of a character that needs one. */
  private escape(): string {
    this.literal("\\");
    const kind = this.take(1);
    if (kind !== "u") {
      const plain = ESCAPES[kind];
      if (plain === undefined) throw new Wrong("no escape");
      return plain;
    }
    const digits = this.take(4);
    const code = /^00[01][0-9a-f]$/.test(digits) ? parseInt(digits, 16) : NaN;
    if (Number.isNaN(code) || [8, 9, 10, 12, 13].includes(code)) throw new Wrong("escaped needlessly");
    return String.fromCharCode(code);
  }
}

const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
