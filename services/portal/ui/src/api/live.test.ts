import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, test, vi } from "vitest";
import { apply, type Transition } from "./live";
import { vm as vmQuery, vms } from "./queries";
import type { VmView } from "./types";

const PROJECT = "p1";
let client: QueryClient;

function vm(change: Partial<VmView> = {}): VmView {
  const made: Partial<VmView> = {
    id: "v1",
    name: "web",
    project_id: PROJECT,
    status: "building",
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:01Z",
  };
  return { ...made, ...change } as VmView;
}

const event = (type: string, data: unknown, time = "2026-01-01T00:00:02Z") => ({ id: "1", type, time, data });
const listed = () => client.getQueryData(vms(PROJECT).queryKey)?.pages.flatMap((page) => page.items);
const shown = () => client.getQueryData(vmQuery(PROJECT, "v1").queryKey);
const stale = (key: unknown[]) => client.getQueryCache().find({ queryKey: key })?.state.isInvalidated;

beforeEach(() => {
  client = new QueryClient();
  client.setQueryData(vms(PROJECT).queryKey, {
    pages: [{ items: [vm()], next_page: null }],
    pageParams: [undefined],
  });
  client.setQueryData(vmQuery(PROJECT, "v1").queryKey, { value: vm(), etag: '"1"' });
  client.setQueryData(["quotas"], { items: [] });
});

test("a change shows in the list and on the VM's page", () => {
  apply(client, event("vm.updated", vm({ status: "running", updated_at: "2026-01-01T00:00:02Z" })));
  expect(listed()?.[0]?.status).toBe("running");
  expect(shown()?.value.status).toBe("running");
  expect(shown()?.etag).toBeNull();
  expect(stale(["quotas"])).toBe(false);
});

test("a replayed event does not undo what was read later", () => {
  apply(client, event("vm.updated", vm({ status: "queued", updated_at: "2026-01-01T00:00:00Z" })));
  expect(listed()?.[0]?.status).toBe("building");
});

test("a deleted VM leaves the list, and its page says so", () => {
  apply(client, event("vm.deleted", vm()));
  expect(listed()).toEqual([]);
  expect(shown()?.value.status).toBe("deleted");
  expect(stale(["quotas"])).toBe(true);
});

test("an unknown VM makes the list read again", () => {
  apply(client, event("vm.created", vm({ id: "v2" })));
  expect(stale(["vms", PROJECT, {}])).toBe(true);
  expect(listed()?.length).toBe(1);
});

test("an event without a VM makes all of it read again; others are not ours", () => {
  apply(client, event("project.created", { id: "p2" }));
  expect(stale(["vms", PROJECT, {}])).toBe(false);
  apply(client, event("vm.updated", { id: "v1" }));
  expect(stale(["vms", PROJECT, {}])).toBe(true);
});

test("a read that was under way does not undo the event", async () => {
  const answers: ((page: { items: VmView[] }) => void)[] = [];
  const options = {
    ...vms(PROJECT),
    queryFn: () => new Promise<{ items: VmView[] }>((answer) => answers.push(answer)),
  };
  const read = client.infiniteQuery({ ...options, staleTime: 0 });
  apply(client, event("vm.deleted", vm()));
  answers[0]?.({ items: [vm({ status: "deleting" })] });
  await vi.waitFor(() => expect(answers.length, "it is asked again").toBe(2));
  expect(listed()).toEqual([]);
  answers[1]?.({ items: [vm({ id: "v3" })] });
  await read;
  expect(listed()?.map(({ id }) => id)).toEqual(["v3"]);
});

test("the timeline keeps each turn once, in order", () => {
  const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
  for (const [status, second] of [
    ["placing", 2],
    ["building", 3],
    ["building", 4],
    ["placing", 2],
    ["running", 5],
  ] as const) {
    apply(client, event("vm.updated", vm({ status, updated_at: at(second) }), at(second)));
  }
  expect(client.getQueryData<Transition[]>(["timeline", "v1"])?.map(({ status }) => status)).toEqual([
    "placing",
    "building",
    "running",
  ]);
});
