/** The reads about how the audit log proves itself. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { POLL_MS } from "./queries";

const PAGE = 20;

/** A witness answers within seconds. Where there is none, or it is away, it is not asked for longer. */
const LOOKS_FOR_WITNESS = 12;

/**
 * Newest first. It is asked again while there is none, for the first comes within seconds of the first entry, and while no
 * witness has cosigned the newest.
 */
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
    refetchInterval: ({ state: { data, dataUpdateCount } }) => {
      const newest = data?.pages[0]?.items[0];
      const awaited = newest?.cosignatures.length === 0 && dataUpdateCount < LOOKS_FOR_WITNESS;
      return !newest || awaited ? POLL_MS : false;
    },
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
