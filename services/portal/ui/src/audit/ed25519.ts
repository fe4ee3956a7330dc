/** Ed25519: the browser's own, which is several times as fast, or where it has none, one written in JavaScript. */
import { ed25519 } from "@noble/curves/ed25519.js";

type Bytes = Uint8Array<ArrayBuffer>;
export type Check = (signature: Bytes, message: Bytes) => Promise<boolean>;

/** What checks signatures of this key. */
export async function checker(key: Bytes): Promise<Check> {
  const native = await imported(key);
  if (!native) return (signature, message) => Promise.resolve(inScript(key, signature, message));
  return (signature, message) => crypto.subtle.verify("Ed25519", native, signature, message);
}

// Without a secure context there is no `subtle` at all, whatever the types say.
async function imported(key: Bytes): Promise<CryptoKey | undefined> {
  try {
    return await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  } catch {
    return undefined;
  }
}

/** By the rules of RFC 8032. Exported for its tests. */
export function inScript(key: Bytes, signature: Bytes, message: Bytes): boolean {
  try {
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    // Of the wrong length, or no point of the curve.
    return false;
  }
}
