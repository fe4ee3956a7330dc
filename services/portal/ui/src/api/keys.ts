/** The read about the keys of the organisation's data. */
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";

export const tenantKeys = () =>
  queryOptions({
    queryKey: ["tenant-keys"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/tenant/keys", { signal })),
  });
