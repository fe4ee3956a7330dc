import { expect, test, vi } from "vitest";
import { follow, SseParser, type ServerEvent } from "./sse";

const stream = (...chunks: string[]) => {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
};

test("an event is what stands between blank lines", () => {
  expect(stream('id: 7\nevent: vm.updated\ndata: {"a":\ndata: 1}\n\n')).toEqual([
    { id: "7", event: "vm.updated", data: '{"a":\n1}' },
  ]);
});

test("chunks may end anywhere, even inside CRLF", () => {
  const text = "id: 1\r\ndata: one\r\n\r\nid: 2\r\ndata: two\r\n\r\n";
  for (let at = 0; at <= text.length; at++) {
    const events = stream(text.slice(0, at), text.slice(at));
    expect(events.map(({ id, data }) => [id, data])).toEqual([
      ["1", "one"],
      ["2", "two"],
    ]);
  }
});

test("comments, unknown fields and events without data are passed over", () => {
  expect(stream(": beat\n\nid: 3\n\nfoo: bar\ndata\n\n")).toEqual([{ id: "3", event: "message", data: "" }]);
});

test("the id stays for events that bring none, and retry is kept", () => {
  const parser = new SseParser();
  const events = parser.push("retry: 900\nid: 5\ndata: a\n\ndata: b\n\nretry: soon\n");
  expect(events.map(({ id }) => id)).toEqual(["5", "5"]);
  expect(parser.retry).toBe(900);
});

test("a frame without data moves the place on", () => {
  const parser = new SseParser();
  expect(parser.push("retry: 2000\nid: 7-1\n\n: alive\nid: 9-4")).toEqual([]);
  expect(parser.lastId).toBe("7-1");
  expect(parser.push("\n\n")).toEqual([]);
  expect(parser.lastId).toBe("9-4");
});

test("a broken stream is resumed after the last event seen", async () => {
  vi.useFakeTimers();
  const life = new AbortController();
  const asked: (string | undefined)[] = [];
  const live: boolean[] = [];
  const seen: ServerEvent[] = [];
  const answers = [
    () => Promise.resolve(new Response("id: 41\ndata: a\n\n")),
    () => Promise.reject(new TypeError("network")),
    () => Promise.resolve(new Response("no", { status: 503 })),
    () => Promise.resolve(new Response("id: 42\ndata: b\n\n")),
  ];
  const done = follow(
    {
      connect: (lastId) => {
        asked.push(lastId);
        return answers[asked.length - 1]?.() ?? new Promise(() => undefined);
      },
      onEvent: (event) => {
        seen.push(event);
        if (event.id === "42") life.abort();
      },
      onLive: (state) => live.push(state),
    },
    life.signal,
  );
  await vi.advanceTimersByTimeAsync(60_000);
  await done;
  vi.useRealTimers();

  expect(asked).toEqual([undefined, "41", "41", "41"]);
  expect(seen.map(({ data }) => data)).toEqual(["a", "b"]);
  expect(live).toEqual([true, false, false, false, true]);
});

test("a silent connection is given up", async () => {
  vi.useFakeTimers();
  const life = new AbortController();
  const signals: AbortSignal[] = [];
  const done = follow(
    {
      connect: (_, signal) => {
        signals.push(signal);
        return Promise.resolve(new Response(new ReadableStream()));
      },
      onEvent: () => undefined,
      onLive: () => undefined,
    },
    life.signal,
  );
  await vi.advanceTimersByTimeAsync(50_000);
  expect(signals.length).toBe(2);
  expect(signals[0]?.aborted).toBe(true);
  life.abort();
  await vi.advanceTimersByTimeAsync(50_000);
  await done;
  vi.useRealTimers();
});
