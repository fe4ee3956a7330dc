/** An authenticator (RFC 6238: SHA-1, six digits, thirty seconds), as the tests carry one. */
import { createHmac } from "node:crypto";

const STEP_MS = 30_000;
/** As long as a code may take from here to where it is judged. */
const ON_THE_WAY_MS = 5_000;

export function totp(secret: string, at = Date.now()): string {
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(BigInt(Math.floor(at / STEP_MS)));
  const digest = createHmac("sha1", base32(secret)).update(count).digest();
  const offset = (digest.at(-1) ?? 0) & 0xf;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

function base32(text: string): Buffer {
  const bits = Array.from(text.replace(/[\s=]/g, "").toUpperCase())
    .map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** A code is good once: those of the last, this and the next step, each taken at most once, the oldest first. */
export function authenticator(secret: string): () => string {
  let last = 0;
  return () => {
    const oldest = Math.floor((Date.now() + ON_THE_WAY_MS) / STEP_MS) - 1;
    const step = Math.max(last + 1, oldest);
    if (step > Math.floor(Date.now() / STEP_MS) + 1) throw new Error("no code left in this minute");
    last = step;
    return totp(secret, step * STEP_MS);
  };
}
