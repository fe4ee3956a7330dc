/** The reads about what the log can show of standards. */
import { queryOptions } from "@tanstack/react-query";
import type { BreachQuery } from "../breach";
import { api, unwrap } from "./client";

export const compliance = () =>
  queryOptions({
    queryKey: ["compliance"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/audit/compliance", { signal })),
  });

/** The file as it was signed: to us it is bytes. */
export function evidencePack(): Promise<Blob> {
  return unwrap<Blob>(api.GET("/api/v1/audit/compliance/pack", { parseAs: "blob" }));
}

/** What the platform holds, as a table for spreadsheets. */
export function register(): Promise<Blob> {
  return unwrap<Blob>(
    api.GET("/api/v1/audit/compliance/register", { params: { query: { format: "csv" } }, parseAs: "blob" }),
  );
}

/** What somebody suspected did and read, as it was signed. */
export function breachPack(query: BreachQuery): Promise<Blob> {
  return unwrap<Blob>(api.GET("/api/v1/audit/compliance/breach", { params: { query }, parseAs: "blob" }));
}
