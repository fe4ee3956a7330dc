/** The lines of a file. */
import { sha256 } from "@noble/hashes/sha2.js";
import { Cursor } from "./cursor";
import { Wrong } from "./finding";
import { Key, type Algorithm } from "./note";
import { hasControl, micros, MAX_SIZE, uuid } from "./text";

export const FORMAT = "yunshu-audit/1";
/** Of a file in which one line is a head's. */
export const FORMAT_WITH_HEAD = "yunshu-audit/2";
export const MAX_KEYS = 1000;

/** A key, and when it was good, in microseconds since 1970. */
export interface KnownKey {
  key: Key;
  from: bigint;
  until: bigint | null;
}

export interface LogLine {
  /** As the file writes it. */
  tenant: string;
  origin: string;
  complete: boolean;
  /** Whether a line may be a head's. */
  withHead: boolean;
  firstSeq: number;
  keys: KnownKey[];
  witnesses: KnownKey[];
}

/** Undefined: of another format, which may say anything. */
export function readLog(line: string): LogLine | undefined {
  const at = new Cursor(line);
  const isOf = (format: string) => at.skip(`{"type":"log","format":"${format}",`);
  const withHead = isOf(FORMAT_WITH_HEAD);
  if (!withHead && !isOf(FORMAT)) return undefined;
  at.literal('"tenant":');
  const tenant = at.text();
  at.literal(',"origin":');
  const origin = at.text();
  at.literal(',"complete":');
  const complete = at.boolean();
  at.literal(',"first_seq":');
  const firstSeq = at.number(MAX_SIZE);
  at.literal(',"keys":');
  const keys = readKeys(at, "note");
  at.literal(',"witnesses":');
  const witnesses = readKeys(at, "cosignature");
  at.literal("}");
  at.end();
  uuid(tenant);
  if (origin === "" || hasControl(origin)) throw new Wrong("no origin");
  if (firstSeq === 0 || (!complete && firstSeq !== 1)) throw new Wrong("entries are numbered from 1");
  return { tenant, origin, complete, withHead, firstSeq, keys, witnesses };
}

function readKeys(at: Cursor, algorithm: Algorithm): KnownKey[] {
  const named = new Set<string>();
  return at.list(() => {
    at.literal('{"key":');
    const key = new Key(at.text());
    at.literal(',"from":');
    const from = micros(at.text());
    at.literal(',"until":');
    const until = at.orNull(() => micros(at.text()));
    at.literal("}");
    if (key.algorithm !== algorithm || named.has(key.text))
      throw new Wrong("of another kind, or named twice");
    named.add(key.text);
    return { key, from, until };
  }, MAX_KEYS);
}

export interface EntryLine {
  seq: number;
  id: string;
  time: bigint;
  actor: string;
  credential: string | null;
  action: string;
  object: string;
  outcome: string;
  requestId: string;
  commitment: Uint8Array;
  leaf: Uint8Array;
  salt: Uint8Array | null;
  content: string | null;
  /** In a selection only. */
  proof: Uint8Array[] | undefined;
}

export function readEntry(line: string): EntryLine {
  const at = new Cursor(line);
  at.literal('{"type":"entry","seq":');
  const seq = at.number(MAX_SIZE);
  at.literal(',"id":');
  const id = uuid(at.text());
  at.literal(',"time":');
  const time = micros(at.text());
  at.literal(',"actor":');
  const actor = at.text();
  at.literal(',"credential":');
  const credential = at.orNull(() => at.text());
  at.literal(',"action":');
  const action = at.text();
  at.literal(',"object":');
  const object = at.text();
  at.literal(',"outcome":');
  const outcome = at.text();
  at.literal(',"request_id":');
  const requestId = uuid(at.text());
  at.literal(',"commitment":');
  const commitment = at.hash();
  at.literal(',"leaf":');
  const leaf = at.hash();
  at.literal(',"salt":');
  const salt = at.orNull(() => at.hash());
  at.literal(',"content":');
  const content = at.orNull(() => at.text());
  const proof = at.skip(',"proof":') ? at.proof() : undefined;
  at.literal("}");
  at.end();
  const who = { actor, credential, action, object, outcome, requestId };
  return { seq, id, time, ...who, commitment, leaf, salt, content, proof };
}

export function readCheckpoint(line: string): string {
  const at = new Cursor(line);
  at.literal('{"type":"checkpoint","note":');
  const note = at.text();
  at.literal("}");
  at.end();
  return note;
}

export interface ConsistencyLine {
  from: number;
  to: number;
  hashes: Uint8Array[];
}

export function readConsistency(line: string): ConsistencyLine {
  const at = new Cursor(line);
  at.literal('{"type":"consistency","from":');
  const from = at.number();
  at.literal(',"to":');
  const to = at.number();
  at.literal(',"hashes":');
  const hashes = at.hashes();
  at.literal("}");
  at.end();
  return { from, to, hashes };
}

export interface FrontierLine {
  size: number;
  hashes: Uint8Array[];
}

export function readFrontier(line: string): FrontierLine {
  const at = new Cursor(line);
  at.literal('{"type":"frontier","size":');
  const size = at.number();
  at.literal(',"hashes":');
  const hashes = at.hashes();
  at.literal("}");
  at.end();
  return { size, hashes };
}

/** Where the checkpoint before it stands in the register of all logs. */
export interface HeadLine {
  note: string;
  blind: Uint8Array;
  begun: number;
  begunProof: Uint8Array[];
  index: number;
  time: number;
  proof: Uint8Array[];
}

export function readHead(line: string): HeadLine {
  const at = new Cursor(line);
  at.literal('{"type":"head","note":');
  const note = at.text();
  at.literal(',"blind":');
  const blind = at.hash();
  at.literal(',"begun":');
  const begun = at.number();
  at.literal(',"begun_proof":');
  const begunProof = at.hashes();
  at.literal(',"index":');
  const index = at.number();
  at.literal(',"time":');
  const time = at.number();
  at.literal(',"proof":');
  const proof = at.hashes();
  at.literal("}");
  at.end();
  return { note, blind, begun, begunProof, index, time, proof };
}

/** Bytes that are written one after another into the same room, to be hashed. */
class Room {
  private bytes = new Uint8Array(4096);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  private need(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(2 * (this.length + more));
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  clear(): this {
    this.length = 0;
    return this;
  }

  byte(value: number): this {
    this.need(1);
    this.bytes[this.length++] = value;
    return this;
  }

  long(value: bigint): this {
    this.need(8);
    this.view.setBigUint64(this.length, value);
    this.length += 8;
    return this;
  }

  add(bytes: Uint8Array): this {
    this.need(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  digits(hex: string): this {
    this.need(hex.length / 2);
    for (let at = 0; at < hex.length; at += 2) this.byte(parseInt(hex.slice(at, at + 2), 16));
    return this;
  }

  plain(text: string): this {
    // No character of a text has more bytes.
    this.need(3 * text.length);
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
    return this;
  }

  /** Behind its length. */
  text(text: string): this {
    this.need(4);
    const start = this.length;
    this.length += 4;
    this.plain(text);
    this.view.setUint32(start, this.length - start - 4);
    return this;
  }

  hash(): Uint8Array {
    return sha256(this.bytes.subarray(0, this.length));
  }
}

const encoder = new TextEncoder();
const room = new Room();

/** The hash of an entry in the tree; `tenant` as the 32 digits of its id. */
export function leafOf(tenant: string, entry: EntryLine): Uint8Array {
  // What tells leaves from nodes, and the version.
  room.clear().byte(0).byte(1);
  room.digits(tenant).long(BigInt(entry.seq)).digits(entry.id).long(entry.time).text(entry.actor);
  if (entry.credential === null) room.byte(0);
  else room.byte(1).text(entry.credential);
  room.text(entry.action).text(entry.object).text(entry.outcome);
  return room.digits(entry.requestId).add(entry.commitment).hash();
}

/** The leaf in the register that fixes a log's blind. */
export function beginningOf(tenant: string, blind: Uint8Array): Uint8Array {
  const label = room.clear().plain("yunshu register tenant v1\n").digits(tenant).hash();
  const value = room.clear().plain("yunshu register blind v1\n").add(blind).hash();
  return room.clear().byte(0).byte(1).add(label).add(value).hash();
}

/** The leaf in the register of a log's head: its label is given by the ten seconds in which it was registered. */
export function headOf(
  tenant: string,
  blind: Uint8Array,
  { time, size, root }: { time: number; size: number; root: Uint8Array },
): Uint8Array {
  const slot = BigInt(Math.floor(time / 10));
  const label = room.clear().plain("yunshu register slot v1\n").add(blind).long(slot).hash();
  room.clear().plain("yunshu register head v1\n").add(blind).digits(tenant);
  const value = room.long(BigInt(time)).long(BigInt(size)).add(root).hash();
  return room.clear().byte(0).byte(1).add(label).add(value).hash();
}

/** What stands for the content in the log. */
export function commitmentOf(salt: Uint8Array, content: string): Uint8Array {
  return room.clear().plain("yunshu audit content v1\n").add(salt).plain(content).hash();
}
