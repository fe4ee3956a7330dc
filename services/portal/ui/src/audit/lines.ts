/** A stream of bytes as lines, of which one at a time is held. */
import { Seen } from "./finding";
import { concat } from "./text";

/** No line is longer, newline included. */
export const MAX_LINE = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

export class Lines {
  /** Of the line that was begun last, from 1. */
  number = 0;
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  private parts: Uint8Array[] = [];
  private held = 0;

  /** The lines that these bytes end. `seq` tells from which entry on nothing is believed if one cannot be read. */
  *take(bytes: Uint8Array, seq: () => number | null): Generator<string> {
    let from = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, from);
      const part = bytes.subarray(from, end < 0 ? bytes.length : end);
      this.hold(part, end < 0 ? 0 : 1, seq);
      if (end < 0) return;
      this.number += 1;
      yield this.decode(seq);
      from = end + 1;
    }
  }

  /** At the end of the file: the number of what would be the next line. */
  end(seq: () => number | null): void {
    this.number += 1;
    if (this.held > 0) throw new Seen("malformed", seq());
  }

  private hold(part: Uint8Array, newline: number, seq: () => number | null): void {
    if (this.held + part.length + newline > MAX_LINE) {
      this.number += 1;
      throw new Seen("too_long", seq());
    }
    // The stream may use its memory again.
    if (part.length > 0) this.parts.push(newline ? part : part.slice());
    this.held += part.length;
  }

  private decode(seq: () => number | null): string {
    const [only, more] = this.parts;
    const whole = more ? concat(...this.parts) : (only ?? new Uint8Array());
    this.parts = [];
    this.held = 0;
    try {
      return this.decoder.decode(whole);
    } catch {
      throw new Seen("malformed", seq());
    }
  }
}

/** What a stream brings. Not every browser lets one walk over it. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // What is not wanted any more is not sent any more.
    await reader.cancel().catch(() => undefined);
  }
}
