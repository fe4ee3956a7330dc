/** The reads about operators' access and about tenants from outside and failed events, as TanStack Query options. */
import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import type { AccessState } from "../access";
import { api, unwrap } from "./client";

const PAGE = 50;

function query(page_token: string | undefined, state?: AccessState) {
  return { limit: PAGE, ...(page_token ? { page_token } : {}), ...(state ? { state } : {}) };
}

const rest = {
  initialPageParam: undefined as string | undefined,
  placeholderData: keepPreviousData,
};

export const operatorAccess = (state?: AccessState) =>
  infiniteQueryOptions({
    queryKey: ["access", "ours", state],
    queryFn: ({ pageParam, signal }) =>
      unwrap(api.GET("/api/v1/operator-access", { params: { query: query(pageParam, state) }, signal })),
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });

export const tenantAccess = (state?: AccessState) =>
  infiniteQueryOptions({
    queryKey: ["access", "all", state],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/system/operator-access", { params: { query: query(pageParam, state) }, signal }),
      ),
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });

export const tenants = (q: string) =>
  infiniteQueryOptions({
    queryKey: ["tenants", q],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/system/tenants", {
          params: { query: { ...query(pageParam), ...(q ? { q } : {}) } },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });

export const deadLetters = (consumer: string) =>
  infiniteQueryOptions({
    queryKey: ["letters", consumer],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/system/dead-letters", {
          params: { query: { ...query(pageParam), ...(consumer ? { consumer } : {}) } },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });
