/** Bytes, ids, times and numbers as the format writes them: one way for each, and nothing else is read. */
import { Beyond, Wrong } from "./finding";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NONE = 255;
const VALUES = new Uint8Array(128).fill(NONE);
for (let value = 0; value < 64; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

/** The bytes of base64 with padding and without spare bits. */
export function base64(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 !== 0) throw new Wrong("no base64");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const digits = text.length - padding;
  let at = 0;
  let held = 0;
  let bits = 0;
  for (let digit = 0; digit < digits; digit++) {
    const value = VALUES[text.charCodeAt(digit)] ?? NONE;
    if (value === NONE) throw new Wrong("no base64");
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  if (held !== 0) throw new Wrong("spare bits");
  return bytes;
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** A hash, or whatever else has 32 bytes. */
export function hash(text: string): Uint8Array {
  if (text.length !== 44) throw new Wrong("no hash");
  const bytes = base64(text);
  if (bytes.length !== 32) throw new Wrong("no hash");
  return bytes;
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The 32 digits of an id. */
export function uuid(text: string): string {
  if (!UUID.test(text)) throw new Wrong("no id");
  return text.replaceAll("-", "");
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z$/;

/** Microseconds since 1970: past the year 2255 they are more than a plain number holds. */
export function micros(text: string): bigint {
  const parts = TIME.exec(text);
  if (!parts) throw new Wrong("no time");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0] = parts
    .slice(1)
    .map(Number);
  const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // What does not exist, as the 30th of February, would have become something else.
  if (year < 1970 || at.toISOString().slice(0, 19) !== text.slice(0, 19)) throw new Wrong("no time");
  return BigInt(at.getTime()) * 1000n + BigInt(fraction);
}

export const MAX_SIZE = 2n ** 63n - 1n;

/** Digits without zeros in front. Sizes may go up to 2^63 - 1; what is beyond 2^53 - 1 is told apart from what is none. */
export function decimal(text: string, largest = MAX_SIZE): number {
  if (!/^(?:0|[1-9]\d{0,19})$/.test(text)) throw new Wrong("no number");
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  throw BigInt(text) <= largest ? new Beyond("too large a number") : new Wrong("no number");
}

export const MAX_U64 = 2n ** 64n - 1n;

const encoder = new TextEncoder();
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Has it a character of the general category Cc? */
export const hasControl = (text: string) => /\p{Cc}/u.test(text);
