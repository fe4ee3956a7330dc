/** Identity providers: the reads, and the way there and back. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, open, unwrap } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type ProviderView = Schemas["IdentityProviderView"];
export type LinkedIdentity = Schemas["LinkedIdentity"];
type Begun = Schemas["BegunAtProvider"];

export const providers = () =>
  infiniteQueryOptions({
    queryKey: ["providers"],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/identity-providers", {
          params: { query: { limit: 50, ...(pageParam ? { page_token: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_page ?? undefined,
    placeholderData: keepPreviousData,
  });

/** What a tenant offers; none where there is no such tenant. */
export const offered = (tenant: string) =>
  queryOptions({
    queryKey: ["offered", tenant],
    queryFn: ({ signal }) => unwrap(open.POST("/api/v1/auth/oidc/providers", { body: { tenant }, signal })),
    // The sign-in page does without, rather than with a problem.
    retry: false,
    staleTime: 60_000,
  });

export const myIdentities = () =>
  queryOptions({
    queryKey: ["identities"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/me/identities", { signal })),
  });

/** A name of the form that names of tenants have. */
export const isName = (text: string) => /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);

const KEPT = "yunshu.away";

/** What this tab keeps while its person is at a provider. */
export interface Away {
  secret: string;
  state: string;
  why: "sign_in" | "link";
  next?: string;
  /** Who they are to prove to be: whoever else comes back is not let in. */
  user?: string;
}

/** Goes to the provider. The secret stays in this tab: an answer that comes back to another opens nothing. */
export function leave({ authorization_url, secret }: Begun, away: Omit<Away, "secret" | "state">): void {
  const state = new URL(authorization_url).searchParams.get("state") ?? "";
  sessionStorage.setItem(KEPT, JSON.stringify({ ...away, secret, state } satisfies Away));
  location.assign(authorization_url);
}

/** What was kept, once. */
export function returning(): Away | undefined {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return kept === null ? undefined : (JSON.parse(kept) as Away);
}

export interface Answer {
  code: string;
  state: string;
  iss?: string;
}

/** The provider's answer, if it is one to what this tab has asked. */
export function answerOf(search: string, away: Away | undefined): Answer | undefined {
  const query = new URLSearchParams(search);
  const [code, state, iss] = [query.get("code"), query.get("state"), query.get("iss")];
  if (!away || !code || !state || state !== away.state) return undefined;
  return { code, state, ...(iss ? { iss } : {}) };
}

interface Where {
  tenant: string;
  provider: string;
}

/** Begins to sign in. */
export async function signInBy(where: Where, next?: string): Promise<void> {
  const begun = await unwrap(open.POST("/api/v1/auth/oidc/begin", { body: { ...where, anew: false } }));
  leave(begun, { why: "sign_in", ...(next ? { next } : {}) });
}

/** Has the provider ask who they are, whatever it remembers, and comes back as the same person or not at all. */
export async function proveBy(where: Where, user: string, next: string): Promise<void> {
  const begun = await unwrap(open.POST("/api/v1/auth/oidc/begin", { body: { ...where, anew: true } }));
  leave(begun, { why: "sign_in", next, user });
}
