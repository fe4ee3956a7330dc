/** What a program asks a person for, as it comes along in the address of the page that asks them. */
export interface Asked {
  client_id: string;
  redirect_uri: string;
  code_challenge: string;
  scope?: string;
  state?: string;
  nonce?: string;
}

/** Reads it; undefined where the address is not whole. One word in base64url, so that no state is taken for a number. */
export function askedIn(word: string | undefined): Asked | undefined {
  const query = decode(word ?? "");
  if (query === undefined) return undefined;
  const said = new URLSearchParams(query);
  const client_id = said.get("client_id");
  const redirect_uri = said.get("redirect_uri");
  const code_challenge = said.get("code_challenge");
  if (!client_id || !redirect_uri || !code_challenge) return undefined;
  const asked: Asked = { client_id, redirect_uri, code_challenge };
  for (const name of ["scope", "state", "nonce"] as const) {
    const value = said.get(name);
    if (value) asked[name] = value;
  }
  return asked;
}

function decode(word: string): string | undefined {
  try {
    const bytes = atob(word.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** The code that a device shows, in the link to the page on which it is typed: `/device#BCDF-GHJK`. */
export function codeIn(hash: string): string | undefined {
  const code = hash.replace(/^#/, "");
  return /^[A-Za-z]{4}-?[A-Za-z]{4}$/.test(code) ? code : undefined;
}

/** Where the answer goes, as people know places: the host alone. */
export function hostOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).host : uri;
}
