/** Live status: one event stream per page, written straight into the query cache. */
import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState } from "react";
import { authorized } from "./client";
import { POLL_MS } from "./queries";
import { follow } from "./sse";
import type { Page, VmView } from "./types";

/** A CloudEvents-like envelope. */
export interface LiveEvent {
  id: string;
  type: string;
  time: string;
  subject?: string;
  data?: unknown;
}

export interface Transition {
  time: string;
  status: string;
}

type VmPages = InfiniteData<Page<VmView>>;

export type LiveState = "connecting" | "live" | "polling";
export const LiveContext = createContext<LiveState>("connecting");

/** Opens the stream for as long as the caller is mounted. */
export function useLiveStream(): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");

  useEffect(() => {
    const life = new AbortController();
    void follow(
      {
        connect: (lastId, signal) =>
          authorized(
            new Request("/api/v1/events?types=vm.*,quota.*", {
              headers: { accept: "text/event-stream", ...(lastId ? { "last-event-id": lastId } : {}) },
              cache: "no-store",
              signal,
            }),
          ),
        onEvent: ({ data }) => {
          const event = parse(data);
          if (event) apply(client, event);
        },
        onLive: (live) => {
          if (life.signal.aborted) return;
          setState(live ? "live" : "polling");
          // What happened between the first read and the stream, or while it was down, is read again.
          if (live) refetchVms(client);
        },
      },
      life.signal,
    );
    return () => life.abort();
  }, [client]);

  return state;
}

/** The refetch interval for a query that events keep fresh: none while they flow. */
export function usePollInterval(): number | false {
  return useContext(LiveContext) === "live" ? false : POLL_MS;
}

function parse(data: string): LiveEvent | undefined {
  try {
    return JSON.parse(data) as LiveEvent;
  } catch {
    return undefined;
  }
}

function refetchVms(client: QueryClient) {
  for (const key of ["vms", "vm", "quotas"]) void client.invalidateQueries({ queryKey: [key] });
}

/** Writes one event into every cached answer that shows its VM. Exported for its tests. */
export function apply(client: QueryClient, event: LiveEvent): void {
  if (event.type.startsWith("quota.")) void client.invalidateQueries({ queryKey: ["quotas"] });
  if (!event.type.startsWith("vm.")) return;
  const gone = event.type === "vm.deleted";
  const vm = isVm(event.data) ? event.data : undefined;
  if (!vm) {
    refetchVms(client);
    return;
  }

  remember(client, vm.id, { time: event.time, status: gone ? "deleted" : vm.status });

  const listed = client
    .getQueriesData<VmPages>({ queryKey: ["vms"] })
    .some(([, held]) => held?.pages.some((page) => page.items.some((item) => item.id === vm.id)));
  client.setQueriesData<VmPages>({ queryKey: ["vms"] }, (held) => {
    if (!held) return held;
    const pages = held.pages.map((page) => {
      const items = page.items.flatMap((item) => {
        if (item.id !== vm.id) return [item];
        return gone ? [] : [newer(item, vm)];
      });
      return { ...page, items };
    });
    return { ...held, pages };
  });
  // A new VM's place in a sorted, filtered list is the server's to say.
  if (!listed && !gone) void client.invalidateQueries({ queryKey: ["vms"] });

  client.setQueriesData<{ value: VmView; etag: string | null }>({ queryKey: ["vm"] }, (held) => {
    if (held?.value.id !== vm.id) return held;
    const value = gone ? { ...held.value, status: "deleted" } : newer(held.value, vm);
    // The event carries no ETag: what we hold no longer names this state.
    return { value, etag: null };
  });

  // A read that is under way may have been answered before this happened: its answer would undo the event. Ask again.
  for (const key of ["vms", "vm"]) {
    void client.invalidateQueries({
      queryKey: [key],
      predicate: ({ state }) => state.fetchStatus === "fetching",
      refetchType: "all",
    });
  }

  if (gone || event.type === "vm.created") void client.invalidateQueries({ queryKey: ["quotas"] });
  for (const key of ["placement", "operations"]) void client.invalidateQueries({ queryKey: [key, vm.id] });
}

/** A replayed event must not overwrite what a later read has shown. */
function newer(held: VmView, incoming: VmView): VmView {
  return incoming.updated_at >= held.updated_at ? incoming : held;
}

function remember(client: QueryClient, id: string, transition: Transition) {
  client.setQueryData<Transition[]>(["timeline", id], (held = []) => {
    const last = held.at(-1);
    if (last && (last.status === transition.status || last.time > transition.time)) return held;
    return [...held, transition];
  });
}

function isVm(data: unknown): data is VmView {
  return (
    typeof data === "object" && data !== null && "id" in data && "status" in data && "updated_at" in data
  );
}
