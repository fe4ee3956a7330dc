/** The token in an invitation's link, `/accept#token=…`. */
export function tokenOf(hash: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token") ?? undefined;
}

/** The token in the link of a notice about an address, `/email#undo=…`. */
export function undoOf(hash: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, "")).get("undo") ?? undefined;
}

/** An invitation's link as something to send: the API knows only what comes after the site's address. */
export function invitationUrl(link: string, origin: string): string {
  return new URL(link, origin).href;
}
