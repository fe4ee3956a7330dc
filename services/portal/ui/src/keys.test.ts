import { expect, test } from "vitest";
import type { DataKeyView } from "./api/types";
import { byPurpose, keeperBody, keeperTone, nextDue } from "./keys";

const key = (purpose: string, epoch: number, due_at: string | null = null): DataKeyView => ({
  purpose,
  epoch,
  state: due_at ? "current" : "previous",
  created_at: "2026-01-01T00:00:00Z",
  due_at,
  messages: 1024,
});

test("each purpose is one row, whatever the order of its keys", () => {
  const rows = byPurpose([
    key("audit", 1),
    key("audit", 3, "2026-06-01T00:00:00Z"),
    key("outbox", 1, "2026-05-01T00:00:00Z"),
    key("audit", 2),
  ]);
  expect(rows.map(({ purpose, current, previous }) => [purpose, current.epoch, previous])).toEqual([
    ["audit", 3, 2],
    ["outbox", 1, 0],
  ]);
});

test("what is due first is due next, in whichever zone it is written", () => {
  const rows = byPurpose([key("a", 1, "2026-05-01T00:30:00+02:00"), key("b", 1, "2026-05-01T00:00:00Z")]);
  expect(nextDue(rows)).toBe("2026-05-01T00:30:00+02:00");
  expect(nextDue([])).toBeUndefined();
});

test("what was pasted of a keeper is sent without what surrounds it, and what is empty as nothing", () => {
  const sent = keeperBody({
    url: " https://vault.example:8200\n",
    mount: "transit",
    key: "kek ",
    token: "hvs.x\n",
    namespace: " ",
  });
  expect(sent).toEqual({
    url: "https://vault.example:8200",
    mount: "transit",
    key: "kek",
    token: "hvs.x",
    namespace: null,
    ca: null,
  });
});

test("a keeper that is away looks bad, and a word of a later release like nothing", () => {
  expect(["ok", "away", "resting"].map(keeperTone)).toEqual(["good", "bad", "idle"]);
});
