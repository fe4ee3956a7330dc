import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onStepUp, proven } from "./step-up";

const refusal = () => new Response(JSON.stringify({ code: "step_up_required" }), { status: 403 });
const done = () => new Response("{}", { status: 200 });
let off: () => void = () => undefined;

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  off();
  vi.useRealTimers();
});

test("what is not refused is not asked about", async () => {
  const ask = vi.fn(() => Promise.resolve(true));
  off = onStepUp(ask);
  for (const answer of [
    done(),
    new Response(JSON.stringify({ code: "forbidden" }), { status: 403 }),
    new Response("a proxy's page", { status: 403 }),
  ]) {
    expect(await proven(() => Promise.resolve(answer))).toBe(answer);
  }
  expect(ask).not.toHaveBeenCalled();
});

test("a proof sends the request again, and again until it is felt", async () => {
  off = onStepUp(() => Promise.resolve(true));
  const send = vi.fn(() => Promise.resolve(refusal()));
  send.mockImplementationOnce(() => Promise.resolve(refusal()));
  send.mockImplementationOnce(() => Promise.resolve(refusal()));
  send.mockImplementationOnce(() => Promise.resolve(done()));
  const answer = proven(send);
  await vi.advanceTimersByTimeAsync(500);
  expect((await answer).status).toBe(200);
  expect(send).toHaveBeenCalledTimes(3);
});

test("a proof that is never felt ends in the refusal", async () => {
  off = onStepUp(() => Promise.resolve(true));
  const answer = proven(() => Promise.resolve(refusal()));
  await vi.advanceTimersByTimeAsync(8_000);
  expect((await answer).status).toBe(403);
});

test("who would rather not, or cannot be asked, sees the refusal, whole", async () => {
  const send = vi.fn(() => Promise.resolve(refusal()));
  expect(await (await proven(send)).json()).toEqual({ code: "step_up_required" });
  off = onStepUp(() => Promise.resolve(false));
  expect(await (await proven(send)).json()).toEqual({ code: "step_up_required" });
  expect(send).toHaveBeenCalledTimes(2);
});

test("two refusals at once are one question", async () => {
  let say: (proven: boolean) => void = () => undefined;
  const ask = vi.fn(() => new Promise<boolean>((resolve) => (say = resolve)));
  off = onStepUp(ask);
  const requests = [1, 2].map(() => {
    const send = vi.fn(() => Promise.resolve(done()));
    send.mockImplementationOnce(() => Promise.resolve(refusal()));
    return proven(send);
  });
  await vi.waitFor(() => expect(ask).toHaveBeenCalled());
  await vi.advanceTimersByTimeAsync(0);
  say(true);
  expect((await Promise.all(requests)).map(({ status }) => status)).toEqual([200, 200]);
  expect(ask).toHaveBeenCalledTimes(1);
});
