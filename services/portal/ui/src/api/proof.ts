/** The reads about how the audit log proves itself. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { POLL_MS } from "./queries";

const PAGE = 20;

/** Newest first. While there is none it is asked again: the first comes within seconds of the first entry. */
export const checkpoints = () =>
  infiniteQueryOptions({
    queryKey: ["checkpoints"],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/audit/checkpoints", {
          params: { query: { limit: PAGE, ...(pageParam ? { page_token: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_page ?? undefined,
    // Each look at the log is an entry in it, and entries bring checkpoints: what is there is not asked for again and again.
    refetchInterval: ({ state }) => (state.data?.pages[0]?.items.length ? false : POLL_MS),
  });

export const logKeys = () =>
  queryOptions({
    queryKey: ["log-keys"],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/audit/keys", { params: { query: { limit: 100 } }, signal })),
    staleTime: 60_000,
  });

/** The whole log with its proofs, as it arrives. */
export function verifiableExport(signal: AbortSignal): Promise<ReadableStream<Uint8Array> | null> {
  // The document describes the file's JSON forms; to us it is bytes.
  const call = api.GET("/api/v1/audit/exports", {
    params: { query: { format: "verifiable" } },
    headers: { accept: "*/*" },
    parseAs: "stream",
    signal,
  });
  return unwrap<ReadableStream<Uint8Array> | null>(call);
}
