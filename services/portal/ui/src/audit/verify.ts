/**
 * Verifies a file in the format yunshu-audit/1 or yunshu-audit/2: the same as `yunshu audit verify`, in the browser, and nothing leaves it.
 * The format and its steps are described in services/audit/README.md; all verifiers are held to the same vectors.
 */
import { reading, Seen, type Report, type Signed, type Values, type Verdict, type Warning } from "./finding";
import type { FindingCode, Registered } from "./finding";
import { placed } from "./head";
import { Lines } from "./lines";
import { checkpoint, Key, Note, type Checkpoint } from "./note";
import { Signers } from "./signers";
import { same, toBase64, uuid } from "./text";
import { consistent, Frontier, included, ones } from "./tree";
import * as wire from "./wire";

/** So many leaves behind the last checkpoint are kept, to tell a copy from what was put in. */
const RECENT = 4096;
/** So long, in milliseconds, the page may stand still. */
const BREATH = 40;

/** What whoever verifies knows from elsewhere than the file. */
export interface Trust {
  /** The keys of the log. Without any, those of the file are believed, and the report warns. */
  keys?: Key[];
  /** Who must have cosigned the last checkpoint. */
  witnesses?: Key[];
  /** So many of them must have; all, if nothing is said. */
  witnessesNeeded?: number | undefined;
  /** A checkpoint from before, as a signed note. */
  checkpoint?: string | undefined;
}

export interface Ways {
  signal?: AbortSignal;
  /** Told now and then how many entries have been verified. */
  onProgress?: (entries: number) => void;
}

/** Verifies a file from its first line to its last, holding one line at a time. Throws only when it is aborted. */
export async function verify(
  bytes: AsyncIterable<Uint8Array>,
  trust: Trust = {},
  { signal, onProgress }: Ways = {},
): Promise<Verdict> {
  const lines = new Lines();
  let state: State | undefined;
  const seq = () => state?.nextSeq() ?? null;
  let rested = performance.now();
  try {
    for await (const chunk of readable(bytes, signal, seq, lines)) {
      for (const line of lines.take(chunk, seq)) {
        if (state) {
          const step = state.line(line);
          if (step) await step;
        } else {
          state = await State.begin(line, trust);
        }
        if (performance.now() - rested < BREATH) continue;
        onProgress?.(state.entries);
        await new Promise((resolve) => setTimeout(resolve));
        signal?.throwIfAborted();
        rested = performance.now();
      }
    }
    lines.end(seq);
    if (!state) throw new Seen("format", null);
    onProgress?.(state.entries);
    return { good: true, report: state.end() };
  } catch (error) {
    if (error instanceof Seen) return { good: false, finding: error.inLine(lines.number) };
    throw error;
  }
}

/** What breaks while it is read is a finding; being told to stop is none. */
async function* readable(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  seq: () => number | null,
  lines: Lines,
): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const next = await source.next().catch((error: unknown) => {
        signal?.throwIfAborted();
        lines.number += 1;
        throw new Seen("unreadable", seq(), { why: error instanceof Error ? error.message : "" });
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}

class State {
  entries = 0;
  private frontier = new Frontier();
  private readonly tenant: string;
  private agrees: boolean;
  private begun = false;
  /** So many entries are vouched for by a checkpoint that held. */
  private held: number;
  /** The first leaves behind those. */
  private recent: Uint8Array[] = [];
  private last: Checkpoint | undefined;
  private cosigned: Signed[] = [];
  private registered: Registered | undefined;
  private checkpoints = 0;
  private withheld = 0;
  private first: number | null = null;
  private latest: number | null = null;

  private constructor(
    private readonly log: wire.LogLine,
    private readonly signers: Signers,
    private readonly witnesses: Key[],
    private readonly needed: number,
    private readonly trusted: Checkpoint | undefined,
  ) {
    this.tenant = uuid(log.tenant);
    this.held = log.complete ? log.firstSeq - 1 : 0;
    this.agrees = trusted?.size === 0;
  }

  static async begin(line: string, trust: Trust): Promise<State> {
    const { keys = [], checkpoint: note } = trust;
    // A witness that is named twice is one witness.
    const witnesses = [...new Map(trust.witnesses?.map((key) => [key.text, key])).values()];
    const { witnessesNeeded: needed = witnesses.length } = trust;
    const log = reading(null, "malformed", () => wire.readLog(line));
    if (!log) throw new Seen("format", null);
    const signers = new Signers(keys, witnesses, log);
    if (needed > witnesses.length) throw new Seen("trusted_witnesses", null);
    const trusted = note === undefined ? undefined : await trustedCheckpoint(note, log, signers);
    return new State(log, signers, witnesses, needed, trusted);
  }

  /** The number of the entry that comes next; of a selection, the least that it can have. */
  nextSeq(): number {
    return this.latest === null ? this.log.firstSeq : this.latest + 1;
  }

  private here(what: FindingCode, values?: Values): Seen {
    return new Seen(what, this.nextSeq(), values);
  }

  private sinceHeld(what: FindingCode, values?: Values): Seen {
    return new Seen(what, this.held + 1, values);
  }

  /** What has to ask a key for its word takes its time. */
  line(line: string): Promise<void> | undefined {
    const kind = /^\{"type":"([^"]*)"/.exec(line)?.[1] ?? "";
    const goesOn = this.log.complete && this.log.firstSeq > 1;
    if (!this.begun && goesOn && kind !== "frontier") throw this.here("frontier");
    const begun = this.begun;
    this.begun = true;
    if (this.registered && this.log.complete && (kind === "entry" || kind === "checkpoint"))
      throw this.here("misplaced", { kind });
    const read = <T>(how: (line: string) => T) => reading(this.nextSeq(), "malformed", () => how(line));
    if (kind === "entry") this.entry(read(wire.readEntry));
    else if (kind === "checkpoint") return this.checkpoint(read(wire.readCheckpoint));
    else if (kind === "head" && this.log.withHead) return this.head(read(wire.readHead));
    else if (kind === "consistency") this.consistency(read(wire.readConsistency));
    else if (kind === "frontier" && goesOn && !begun) this.goOn(read(wire.readFrontier));
    else if (kind === "frontier" || kind === "log") throw this.here("misplaced", { kind });
    else throw this.here("malformed");
    return undefined;
  }

  private goOn({ size, hashes }: wire.FrontierLine): void {
    if (size !== this.log.firstSeq - 1 || hashes.length !== ones(size)) throw this.here("frontier");
    this.frontier = new Frontier(size, hashes);
    this.meet();
  }

  /** Where the log has as many entries as the trusted checkpoint, it must have the same root. */
  private meet(): void {
    if (this.trusted?.size !== this.frontier.size) return;
    if (!same(this.trusted.root, this.frontier.root())) throw this.split(this.trusted.size);
    this.agrees = true;
  }

  /** Where the two histories part is not known: at the latest where the trusted one ends. */
  private split(size: number): Seen {
    const within = this.log.complete && size >= this.log.firstSeq;
    return new Seen("split", within ? this.log.firstSeq : 1, { size });
  }

  private entry(entry: wire.EntryLine): void {
    const { seq, leaf, salt, content, proof } = entry;
    const next = this.nextSeq();
    if ((proof === undefined) !== this.log.complete) throw this.here("malformed");
    if (this.log.complete && seq !== next) throw this.gap(next, seq, leaf);
    if (seq < next) throw new Seen("order", Math.max(seq, 1), { last: next - 1, found: seq });
    if (!same(wire.leafOf(this.tenant, entry), leaf)) throw new Seen("leaf", seq);
    if ((salt === null) !== (content === null)) throw new Seen("half_shown", seq);
    if (salt === null || content === null) this.withheld += 1;
    else if (!same(wire.commitmentOf(salt, content), entry.commitment)) throw new Seen("content", seq);
    this.entries += 1;
    this.first ??= seq;
    this.latest = seq;
    if (proof === undefined) {
      this.frontier.push(leaf);
      if (this.recent.length < RECENT) this.recent.push(leaf);
      this.meet();
    } else if (!this.last) {
      throw new Seen("misplaced", seq, { kind: "entry" });
    } else if (!included(leaf, seq - 1, this.last.size, proof, this.last.root)) {
      throw new Seen("proof", seq);
    }
  }

  /**
   * A number that is too large tells exactly what is missing. One that was there before tells that either this entry is a
   * copy, or that the one before was put in its place.
   */
  private gap(wanted: number, found: number, leaf: Uint8Array): Seen {
    const before = this.recent[found - this.held - 1];
    const copied = found <= this.held || (before !== undefined && same(before, leaf));
    return new Seen("gap", found < wanted && !copied ? found : wanted, { wanted, found });
  }

  private async checkpoint(whole: string): Promise<void> {
    if (!this.log.complete && this.last) throw this.here("misplaced", { kind: "checkpoint" });
    const note = reading(this.held + 1, "malformed", () => new Note(whole));
    const read = reading(this.held + 1, "malformed", () => checkpoint(note.text));
    if (read.origin !== this.log.origin) throw this.sinceHeld("origin", { name: read.origin });
    if (read.time === undefined) throw this.sinceHeld("no_time");
    this.cosigned = await this.signers.check(note, read.time, this.held + 1);
    const { size } = read;
    if (this.log.complete) {
      const entries = this.frontier.size;
      if (size !== entries) throw this.sinceHeld("place", { size, entries });
      if (!same(read.root, this.frontier.root())) throw this.sinceHeld("root", { size });
      this.held = size;
      this.recent = [];
    } else if (this.trusted?.size === size) {
      if (!same(this.trusted.root, read.root)) throw this.split(size);
      this.agrees = true;
    }
    this.checkpoints += 1;
    this.last = read;
  }

  private consistency({ from, to, hashes }: wire.ConsistencyLine): void {
    const { last, trusted } = this;
    if (!last || (from !== last.size && to !== last.size)) {
      throw this.here("misplaced", { kind: "consistency" });
    }
    if (!trusted) return;
    const forward = from === trusted.size && to === last.size;
    if (!forward && (from !== last.size || to !== trusted.size)) return;
    const holds = forward ? consistent(trusted, last, hashes) : consistent(last, trusted, hashes);
    if (!holds) throw this.split(trusted.size);
    this.agrees = true;
  }

  private async head(line: wire.HeadLine): Promise<void> {
    if (!this.last || this.registered) throw this.here("misplaced", { kind: "head" });
    this.registered = await placed(line, this.log, this.last, this.signers);
  }

  end(): Report {
    const { last, trusted, log } = this;
    if (!this.begun && log.complete && log.firstSeq > 1) throw this.here("frontier");
    if (!last || (log.complete && last.size !== this.frontier.size)) throw this.sinceHeld("open");
    if (trusted && !this.agrees) {
      const { size } = trusted;
      if (size > last.size) throw new Seen("rolled_back", last.size + 1, { size });
      throw new Seen("unlinked", log.firstSeq, { size });
    }
    const cosigned = [...this.cosigned, ...(this.registered?.cosigned ?? [])];
    const missing = this.witnesses.filter(({ text }) => !cosigned.some(({ key }) => key === text));
    const [first] = missing;
    if (first && this.witnesses.length - missing.length < this.needed)
      throw new Seen("witness", null, { name: first.name });
    return {
      tenant: log.tenant,
      origin: log.origin,
      complete: log.complete,
      entries: this.entries,
      withheld: this.withheld,
      checkpoints: this.checkpoints,
      firstSeq: this.first,
      lastSeq: this.latest,
      size: last.size,
      root: toBase64(last.root),
      time: last.time ?? 0,
      signed: this.signers.signed(),
      cosigned: this.cosigned,
      ...(this.registered && { register: this.registered }),
      agreesWith: trusted?.size ?? null,
      warnings: this.warnings(),
    };
  }

  private warnings(): Warning[] {
    const signed = this.signers.signed();
    const warnings: Warning[] = [];
    if (signed.some(({ pinned }) => !pinned)) warnings.push({ code: "keys_from_file", values: {} });
    if (!this.trusted) warnings.push({ code: "nothing_trusted", values: {} });
    if (!this.log.complete) warnings.push({ code: "selection", values: {} });
    for (const key of this.signers.withoutPeriod())
      warnings.push({ code: "period_unknown", values: { key } });
    const { strangers } = this.signers;
    if (strangers > 0) warnings.push({ code: "strangers", values: { number: strangers } });
    return warnings;
  }
}

async function trustedCheckpoint(whole: string, log: wire.LogLine, signers: Signers): Promise<Checkpoint> {
  const note = reading(null, "trusted", () => new Note(whole));
  const read = reading(null, "trusted", () => checkpoint(note.text));
  if (read.origin !== log.origin) throw new Seen("trusted_origin", null);
  if (!(await signers.knows(note))) throw new Seen("trusted_unsigned", null);
  return read;
}
