/** Every read the pages make, as TanStack Query options: one place for keys, so that live events can find them. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, tagged, unwrap } from "./client";
import type { paths } from "./schema";
import type { HostView, Me, OperationView, Page, VmView } from "./types";

/** Between two looks at something that has no events of its own, or while the event stream is down. */
export const POLL_MS = 5_000;
const PAGE = 100;

export const me = () =>
  queryOptions({
    queryKey: ["me"],
    queryFn: async () => (await unwrap(api.GET("/api/v1/me"))) as Me,
    staleTime: 60_000,
  });

// What an address bar says may be anything; what the API does not know it refuses by name.
type VmQuery = Pick<
  NonNullable<paths["/api/v1/projects/{project}/vms"]["get"]["parameters"]["query"]>,
  "q" | "status"
>;
type AuditQuery = Omit<
  NonNullable<paths["/api/v1/audit/events"]["get"]["parameters"]["query"]>,
  "limit" | "page_token"
>;

export interface VmFilter {
  q?: string | undefined;
  status?: string | undefined;
}

export const vms = (project: string, filter: VmFilter = {}) =>
  infiniteQueryOptions({
    queryKey: ["vms", project, filter],
    queryFn: ({ pageParam, signal }): Promise<Page<VmView>> =>
      unwrap(
        api.GET("/api/v1/projects/{project}/vms", {
          params: {
            path: { project },
            query: { limit: PAGE, ...drop(filter as VmQuery), ...drop({ page_token: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_page ?? undefined,
    placeholderData: keepPreviousData,
  });

export const vm = (project: string, id: string) =>
  queryOptions({
    queryKey: ["vm", project, id],
    queryFn: ({ signal }): Promise<{ value: VmView; etag: string | null }> =>
      tagged(
        api.GET("/api/v1/projects/{project}/vms/{vm}", { params: { path: { project, vm: id } }, signal }),
      ),
  });

export const vmConsole = (project: string, id: string, tail: number) =>
  queryOptions({
    queryKey: ["console", project, id, tail],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/projects/{project}/vms/{vm}/console", {
          params: { path: { project, vm: id }, query: { tail } },
          headers: { accept: "text/plain, application/problem+json" },
          parseAs: "text",
          signal,
        }),
      ),
  });

export const vmPlacement = (project: string, id: string) =>
  queryOptions({
    queryKey: ["placement", id],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/projects/{project}/vms/{vm}/placement", {
          params: { path: { project, vm: id } },
          signal,
        }),
      ),
  });

/** What was asked of a VM, newest first. */
export const operations = (vm: string) =>
  queryOptions({
    queryKey: ["operations", vm],
    queryFn: ({ signal }): Promise<Page<OperationView>> =>
      unwrap(
        api.GET("/api/v1/operations", { params: { query: { vm, sort: "-created_at", limit: 20 } }, signal }),
      ),
  });

export const flavors = () =>
  queryOptions({
    queryKey: ["flavors"],
    queryFn: () => unwrap(api.GET("/api/v1/flavors", { params: { query: { limit: PAGE } } })),
    staleTime: 60_000,
  });

export const images = () =>
  queryOptions({
    queryKey: ["images"],
    queryFn: () => unwrap(api.GET("/api/v1/images", { params: { query: { limit: PAGE } } })),
    staleTime: 60_000,
  });

export const quotas = () =>
  queryOptions({ queryKey: ["quotas"], queryFn: () => unwrap(api.GET("/api/v1/quotas")), staleTime: 10_000 });

export interface AuditFilter {
  since?: string | undefined;
  until?: string | undefined;
  actor?: string | undefined;
  action?: string | undefined;
  object?: string | undefined;
  outcome?: string | undefined;
}

export const audit = (filter: AuditFilter, pageToken: string | undefined, limit = 50) =>
  queryOptions({
    queryKey: ["audit", filter, pageToken, limit],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/audit/events", {
          params: { query: { limit, ...drop(filter as AuditQuery), ...drop({ page_token: pageToken }) } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });

/** The whole log as far as the filter goes. */
export function auditExport(
  filter: AuditFilter,
  format: "csv" | "ndjson" | "json" | "ocsf" | "verifiable",
): Promise<Blob> {
  const query = { format, ...drop(filter as AuditQuery) };
  // The document describes the file's JSON forms; to us it is a file.
  const call = api.GET("/api/v1/audit/exports", {
    params: { query },
    headers: { accept: "*/*" },
    parseAs: "blob",
  });
  return unwrap<Blob>(call);
}

const system = { limit: PAGE };

export const pools = () =>
  queryOptions({
    queryKey: ["system", "pools"],
    queryFn: () => unwrap(api.GET("/api/v1/system/pools", { params: { query: system } })),
  });

export const hosts = () =>
  queryOptions({
    queryKey: ["system", "hosts"],
    queryFn: (): Promise<Page<HostView>> =>
      unwrap(api.GET("/api/v1/system/hosts", { params: { query: system } })),
    refetchInterval: POLL_MS,
  });

export const systemFlavors = () =>
  queryOptions({
    queryKey: ["system", "flavors"],
    queryFn: () => unwrap(api.GET("/api/v1/system/flavors", { params: { query: system } })),
  });

export const systemImages = () =>
  queryOptions({
    queryKey: ["system", "images"],
    queryFn: () => unwrap(api.GET("/api/v1/system/images", { params: { query: system } })),
  });

/** Without what is empty: an unknown or empty filter is a 400. */
function drop<T extends object>(filter: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(filter).filter(([, value]) => value !== undefined && value !== ""),
  ) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
