/** The reads about how long the audit log keeps what its entries tell. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, tagged, unwrap } from "./client";

export const retention = () =>
  queryOptions({
    queryKey: ["retention", "days"],
    queryFn: ({ signal }) => tagged(api.GET("/api/v1/audit/retention", { signal })),
  });

export const holds = () =>
  infiniteQueryOptions({
    queryKey: ["retention", "holds"],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/audit/holds", {
          params: { query: { limit: 50, ...(pageParam ? { page_token: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_page ?? undefined,
  });
