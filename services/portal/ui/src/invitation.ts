/** The token in an invitation's link, `/accept#token=…`. */
export function tokenOf(hash: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token") ?? undefined;
}

/** An invitation's link as something to send: the API knows only what comes after the site's address. */
export function invitationUrl(link: string, origin: string): string {
  return new URL(link, origin).href;
}
