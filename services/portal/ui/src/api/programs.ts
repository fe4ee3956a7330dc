/** The reads about machines and programs, as TanStack Query options. */
import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import { api, unwrap } from "./client";

const PAGE = 50;

function query(page_token: string | undefined) {
  return { limit: PAGE, ...(page_token ? { page_token } : {}) };
}

const rest = {
  initialPageParam: undefined as string | undefined,
  placeholderData: keepPreviousData,
};

export const accountPages = () =>
  infiniteQueryOptions({
    queryKey: ["accounts", "pages"],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/service-accounts", {
          params: { query: { ...query(pageParam), sort: "name" } },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });

export const accountKeys = (account: string) =>
  infiniteQueryOptions({
    queryKey: ["account-keys", account],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/service-accounts/{account}/api-keys", {
          params: { path: { account }, query: query(pageParam) },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });

export const accountCredentials = (account: string) =>
  infiniteQueryOptions({
    queryKey: ["account-credentials", account],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/service-accounts/{account}/credentials", {
          params: { path: { account }, query: query(pageParam) },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });

export const clientPages = () =>
  infiniteQueryOptions({
    queryKey: ["oauth-clients"],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/oauth-clients", {
          params: { query: { ...query(pageParam), sort: "name" } },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });
