/** The reads about what the log can show of standards. */
import { queryOptions } from "@tanstack/react-query";
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
