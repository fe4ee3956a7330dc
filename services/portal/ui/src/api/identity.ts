/** The reads about people and rights, as TanStack Query options. Keys begin with what a change names to have them read anew. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, tagged, unwrap } from "./client";
import type { paths } from "./schema";
import type { Explain, Explanation, Page, UserView } from "./types";

const PAGE = 50;
/** For choosing from: more than a list that one would scroll through. */
const ALL = 1_000;

type Next = (page_token: string | undefined) => { limit: number; page_token?: string };

/** A list that goes on, a page at a time. */
function paged<T>(
  queryKey: readonly unknown[],
  ask: (query: ReturnType<Next>, signal: AbortSignal) => Promise<Page<T>>,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      ask({ limit: PAGE, ...(pageParam ? { page_token: pageParam } : {}) }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_page ?? undefined,
    placeholderData: keepPreviousData,
  });
}

/** Without what is empty: an unknown or empty filter is a 400. */
function only<T extends object>(filter: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const kept = Object.entries(filter).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(kept) as { [K in keyof T]?: NonNullable<T[K]> };
}

export const factors = () =>
  queryOptions({
    queryKey: ["factors"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/me/mfa", { signal })),
  });

export const mySessions = () =>
  paged(["sessions"], (query, signal) =>
    unwrap(api.GET("/api/v1/me/sessions", { params: { query }, signal })),
  );

export const userSessions = (user: string) =>
  paged(["sessions", user], (query, signal) =>
    unwrap(api.GET("/api/v1/users/{user}/sessions", { params: { path: { user }, query }, signal })),
  );

export const signInPolicy = () =>
  queryOptions({
    queryKey: ["policies", "sign-in"],
    queryFn: ({ signal }) => tagged(api.GET("/api/v1/policies/sign-in", { signal })),
  });

export const passwordPolicy = () =>
  queryOptions({
    queryKey: ["policies", "password"],
    queryFn: ({ signal }) => tagged(api.GET("/api/v1/policies/password", { signal })),
  });

export const dutiesPolicy = () =>
  queryOptions({
    queryKey: ["policies", "duties"],
    queryFn: ({ signal }) => tagged(api.GET("/api/v1/policies/duties", { signal })),
  });

/** Changes nothing: it is a POST for the sake of its body. */
export const explanation = (body: Explain) =>
  queryOptions({
    queryKey: ["explain", body],
    queryFn: ({ signal }): Promise<Explanation> =>
      unwrap(api.POST("/api/v1/authorize:explain", { body, signal })),
    retry: false,
  });

export const myKeys = () =>
  paged(["keys"], (query, signal) => unwrap(api.GET("/api/v1/me/api-keys", { params: { query }, signal })));

export interface UserFilter {
  q?: string | undefined;
  enabled?: boolean | undefined;
}

export const users = (filter: UserFilter) =>
  paged<UserView>(["users", filter], (query, signal) =>
    unwrap(
      api.GET("/api/v1/users", { params: { query: { ...query, ...only(filter), sort: "name" } }, signal }),
    ),
  );

export const everybody = () =>
  queryOptions({
    queryKey: ["users", "all"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/users", { params: { query: { limit: ALL, sort: "name" } }, signal })),
    staleTime: 30_000,
  });

export const invitations = () =>
  paged(["invitations"], (query, signal) =>
    unwrap(api.GET("/api/v1/invitations", { params: { query }, signal })),
  );

export const groups = () =>
  paged(["groups"], (query, signal) => unwrap(api.GET("/api/v1/groups", { params: { query }, signal })));

export const allGroups = () =>
  queryOptions({
    queryKey: ["groups", "all"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/groups", { params: { query: { limit: ALL } }, signal })),
    staleTime: 30_000,
  });

export const members = (group: string) =>
  paged(["members", group], (query, signal) =>
    unwrap(api.GET("/api/v1/groups/{group}/members", { params: { path: { group }, query }, signal })),
  );

export const accounts = () =>
  queryOptions({
    queryKey: ["accounts"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/service-accounts", { params: { query: { limit: ALL } }, signal })),
    staleTime: 30_000,
  });

/** All of them: there are few, and what may be granted is read off them. */
export const roles = () =>
  queryOptions({
    queryKey: ["roles"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/roles", { params: { query: { limit: ALL } }, signal })),
    staleTime: 60_000,
  });

type BindingQuery = NonNullable<paths["/api/v1/role-bindings"]["get"]["parameters"]["query"]>;
export interface BindingFilter {
  subject?: string | undefined;
  role?: string | undefined;
  project?: string | undefined;
}

export const bindings = (filter: BindingFilter) =>
  paged(["bindings", filter], (query, signal) =>
    unwrap(
      api.GET("/api/v1/role-bindings", {
        params: { query: { ...query, ...(only(filter) as BindingQuery) } },
        signal,
      }),
    ),
  );
