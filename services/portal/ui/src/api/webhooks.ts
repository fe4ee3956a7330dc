/** The reads about webhooks, as TanStack Query options. */
import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { DeliveryState } from "./types";

const PAGE = 50;
/** While something waits, how often it is looked for what became of it. */
const LOOK = 3_000;

const rest = {
  initialPageParam: undefined as string | undefined,
  placeholderData: keepPreviousData,
};

export const webhookPages = () =>
  infiniteQueryOptions({
    queryKey: ["webhooks"],
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(pageParam ? { page_token: pageParam } : {}) };
      return unwrap(api.GET("/api/v1/webhooks", { params: { query }, signal }));
    },
    getNextPageParam: (last) => last.next_page ?? undefined,
    ...rest,
  });

export const deliveryPages = (webhook: string, state?: DeliveryState) =>
  infiniteQueryOptions({
    queryKey: ["deliveries", webhook, state],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        limit: PAGE,
        ...(pageParam ? { page_token: pageParam } : {}),
        ...(state ? { state } : {}),
      };
      const params = { path: { webhook }, query };
      return unwrap(api.GET("/api/v1/webhooks/{webhook}/deliveries", { params, signal }));
    },
    getNextPageParam: (last) => last.next_page ?? undefined,
    refetchInterval: ({ state: { data } }) =>
      data?.pages.some((page) => page.items.some((item) => item.state === "pending")) ? LOOK : false,
    ...rest,
  });
