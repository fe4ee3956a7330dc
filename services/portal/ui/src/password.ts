/** What a password must look like, as far as the page can tell before the server does. */
import type { Me } from "./api/types";

export interface Rules {
  profile: string;
  /** Characters it has at least. */
  length: number;
  /** How many of four kinds: small and capital letters, digits, others. */
  kinds: number;
}

/** Of a new organisation, and where nothing else is known. */
export const USUAL: Rules = { profile: "nist", length: 15, kinds: 1 };
const MLPS3: Rules = { profile: "mlps3", length: 10, kinds: 3 };

export function rulesOf({ sign_in }: Me): Rules {
  return {
    profile: sign_in.password_profile,
    length: sign_in.password_min_length,
    kinds: sign_in.password_min_kinds,
  };
}

/** A letter's link names the rules of its organisation: whoever follows it is not signed in. */
export function rulesIn(hash: string): Rules {
  return new URLSearchParams(hash.replace(/^#/, "")).get("rules") === "mlps3" ? MLPS3 : USUAL;
}

export function kindsOf(text: string): number {
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /[0-9]/, /[^\p{Ll}\p{Lu}0-9]/u];
  return kinds.filter((kind) => kind.test(text)).length;
}

/** Does it have the form? Whether it is easily guessed is another question. */
export function isShaped({ length, kinds }: Rules, text: string): boolean {
  // Characters, not UTF-16 units.
  return Array.from(text.normalize("NFC")).length >= length && kindsOf(text) >= kinds;
}
