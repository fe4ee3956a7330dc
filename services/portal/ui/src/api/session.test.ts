import { afterEach, beforeEach, expect, test, vi } from "vitest";

type Session = typeof import("./session");

const answer = (n: number, expires_in = 300) => ({
  status: "authenticated" as const,
  access_token: `a${n}`,
  token_type: "Bearer",
  expires_in,
  refresh_token: `r${n}`,
  must_enrol: false,
  password_expired: false,
});
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const sent = (call: unknown[] | undefined) => JSON.parse((call?.[1] as { body: string }).body) as unknown;

let fetched: ReturnType<typeof vi.fn<typeof fetch>>;
let session: Session;

beforeEach(async () => {
  vi.resetModules();
  sessionStorage.clear();
  fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  // One tab: how tabs share a session is the browser tests' matter.
  vi.stubGlobal("BroadcastChannel", undefined);
  vi.stubGlobal("navigator", { locks: { request: (_: string, work: () => unknown) => work() } });
  session = await import("./session");
});
afterEach(() => vi.unstubAllGlobals());

test("a signed-in tab keeps only the refresh token in storage", async () => {
  session.begin(answer(1));
  expect(await session.accessToken()).toBe("a1");
  expect(JSON.stringify(sessionStorage)).toContain("r1");
  expect(JSON.stringify(sessionStorage) + JSON.stringify(localStorage)).not.toContain("a1");
  expect(fetched).not.toHaveBeenCalled();
});

test("many askers, one rotation", async () => {
  session.begin(answer(1, 10));
  fetched.mockImplementation(() => Promise.resolve(json(answer(2))));
  const tokens = await Promise.all([1, 2, 3, 4].map(() => session.accessToken()));
  expect(tokens).toEqual(["a2", "a2", "a2", "a2"]);
  expect(fetched).toHaveBeenCalledTimes(1);
  expect(sent(fetched.mock.calls[0])).toEqual({ refresh_token: "r1" });
});

test("a reload restores the session from storage", async () => {
  sessionStorage.setItem("yunshu.refresh", "r7");
  fetched.mockImplementation(() => Promise.resolve(json(answer(8))));
  expect(await session.restore()).toBe(true);
  expect(sent(fetched.mock.calls[0])).toEqual({ refresh_token: "r7" });
  expect(await session.accessToken()).toBe("a8");
});

test("without a token nobody is asked", async () => {
  expect(await session.restore()).toBe(false);
  expect(fetched).not.toHaveBeenCalled();
});

test("a refused token ends the session; a failing server does not", async () => {
  session.begin(answer(1, 0));
  const turned = vi.fn();
  session.onTurn(turned);

  fetched.mockImplementationOnce(() => Promise.reject(new TypeError("offline")));
  await expect(session.refresh()).rejects.toMatchObject({ code: "network" });
  fetched.mockImplementationOnce(() => Promise.resolve(json({ code: "unavailable" }, 503)));
  await expect(session.refresh()).rejects.toMatchObject({ code: "unavailable" });
  expect(session.signedIn()).toBe(true);
  expect(turned).not.toHaveBeenCalled();

  fetched.mockImplementationOnce(() => Promise.resolve(json({ code: "unauthenticated" }, 401)));
  expect(await session.refresh()).toBe(false);
  expect(session.signedIn()).toBe(false);
  expect(sessionStorage.length).toBe(0);
  expect(turned).toHaveBeenCalledTimes(1);
});

test("signing out forgets first and tells the server, reachable or not", async () => {
  session.begin(answer(1));
  fetched.mockImplementation(() => Promise.reject(new TypeError("offline")));
  await session.end();
  expect(session.signedIn()).toBe(false);
  expect(sessionStorage.length).toBe(0);
  expect(fetched.mock.calls[0]?.[0]).toBe("/api/v1/auth/logout");
});

test("a session that is somebody else's is told apart and ended without being begun", async () => {
  const claims = (sub: unknown) => ({ ...answer(1), access_token: `h.${btoa(JSON.stringify({ sub }))}.s` });
  expect(session.subjectOf(claims("u1"))).toBe("u1");
  for (const none of [
    claims(7),
    { ...answer(1), access_token: "garbage" },
    { ...answer(1), access_token: "a.%.c" },
  ])
    expect(session.subjectOf(none)).toBeUndefined();
  session.begin(answer(1));
  fetched.mockResolvedValue(new Response(null, { status: 204 }));
  await session.discard(claims("u2"));
  expect(fetched.mock.calls[0]?.[0]).toBe("/api/v1/auth/logout");
  expect(session.signedIn()).toBe(true);
});
