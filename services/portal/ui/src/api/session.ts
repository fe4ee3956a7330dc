/**
 * The session: who holds which token, and for how long.
 *
 * The access token (minutes) lives in this module only. The refresh token lives in sessionStorage, so it survives a reload
 * and dies with the tab; it is never in localStorage or a cookie, so nothing is sent by itself and nothing outlives the
 * browser. A tab opened from another one asks its siblings over a BroadcastChannel and signs in without a password.
 *
 * Refresh tokens rotate, and the server revokes the whole family when it sees an old one again: two tabs must never spend
 * the same token. So a rotation runs under a Web Lock shared by all tabs, the holder looks first whether a sibling has
 * already rotated, and the fresh pair is told to everyone before the lock is released.
 */
import { Problem } from "./problem";
import type { SignedIn } from "./types";

export interface Tokens {
  access: string;
  refresh: string;
  /** Milliseconds since the epoch, by this machine's clock. */
  expiresAt: number;
}

type Message = { type: "ask" } | { type: "tokens"; tokens: Tokens; login: boolean } | { type: "out" };

const STORED = "yunshu.refresh";
/** Held, shared, by every open tab: how many hold it is how many siblings could answer. */
const TAB_LOCK = "yunshu.tab";
/** How long a new tab waits for a sibling's answer; a tab without siblings does not wait at all. */
const ASK_MS = 500;
/** Tokens are renewed this long before they end, so that a request in flight does not meet the end. */
const MARGIN_MS = 30_000;

let tokens: Tokens | undefined;
let refreshing: Promise<boolean> | undefined;
const listeners = new Set<() => void>();
const siblings = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("yunshu.session");

siblings?.addEventListener("message", ({ data }: MessageEvent<Message>) => {
  if (data.type === "ask" && tokens) tell({ type: "tokens", tokens, login: false });
  if (data.type === "tokens" && (data.login || !tokens || data.tokens.expiresAt > tokens.expiresAt)) {
    keep(data.tokens, data.login);
  }
  if (data.type === "out") keep(undefined);
});

function tell(message: Message) {
  siblings?.postMessage(message);
}

/** `login`: perhaps somebody else now, so what the pages hold is stale even though both pairs are good. */
function keep(next: Tokens | undefined, login = false) {
  const turned = login || Boolean(tokens) !== Boolean(next);
  tokens = next;
  if (next) sessionStorage.setItem(STORED, next.refresh);
  else sessionStorage.removeItem(STORED);
  if (turned) listeners.forEach((listener) => listener());
}

// A call, because what the compiler knew of a variable before an await no longer holds after it.
const held = () => tokens;

export function signedIn(): boolean {
  return tokens !== undefined;
}

/** Calls back when the tab signs in or out, or a sibling signed in anew. */
export function onTurn(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Takes a successful login's answer. */
export function begin(answer: SignedIn): void {
  adopt(answer, true);
}

function adopt(answer: SignedIn, login: boolean) {
  const next = parse(answer);
  keep(next, login);
  tell({ type: "tokens", tokens: next, login });
}

function parse(answer: SignedIn): Tokens {
  return {
    access: answer.access_token,
    refresh: answer.refresh_token,
    expiresAt: Date.now() + answer.expires_in * 1000,
  };
}

/**
 * Restores the session of a sibling tab or of this one; false when nobody is signed in. Called once, before the first
 * page. Siblings go first: a duplicated tab starts with a copy of the refresh token that may be spent by now.
 */
export async function restore(): Promise<boolean> {
  if (siblings && (await siblingCount()) > 0) await ask();
  if (signedIn()) return true;
  return sessionStorage.getItem(STORED) === null ? false : refresh();
}

async function siblingCount(): Promise<number> {
  if (!hasLocks()) return 0;
  const { held = [] } = await navigator.locks.query();
  // Kept until the tab is gone: the promise never settles.
  void navigator.locks.request(TAB_LOCK, { mode: "shared" }, () => new Promise(() => undefined));
  return held.filter((lock) => lock.name === TAB_LOCK).length;
}

function ask(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const stop = onTurn(done);
    const timer = setTimeout(done, ASK_MS);
    tell({ type: "ask" });
  });
}

/** A token with some life left, or undefined when signed out. */
export async function accessToken(): Promise<string | undefined> {
  if (tokens && tokens.expiresAt - MARGIN_MS < Date.now()) await refresh();
  return tokens?.access;
}

/** Rotates the pair; one rotation at a time in this tab and among its siblings. False: the session is over. */
export function refresh(): Promise<boolean> {
  refreshing ??= rotate().finally(() => {
    refreshing = undefined;
  });
  return refreshing;
}

async function rotate(): Promise<boolean> {
  const before = held()?.access;
  return locked(async () => {
    const now = held();
    if (now && now.access !== before) return true;
    const spent = now?.refresh ?? sessionStorage.getItem(STORED);
    if (spent === null) return false;

    const answer = await fetch("/api/v1/auth/refresh", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ refresh_token: spent }),
    }).catch(() => {
      // The token may be spent or not; the server answers a repeat by the same client, so keep it and try later.
      throw Problem.network();
    });
    if (answer.ok) {
      adopt((await answer.json()) as SignedIn, false);
      return true;
    }
    if (answer.status === 429 || answer.status >= 500) throw Problem.of(answer.status, await body(answer));
    keep(undefined);
    return false;
  });
}

async function locked(work: () => Promise<boolean>): Promise<boolean> {
  return hasLocks() ? navigator.locks.request("yunshu.session", work) : work();
}

/** Web Locks need a secure context: https, or loopback. */
function hasLocks(): boolean {
  return "locks" in navigator;
}

async function body(answer: Response): Promise<unknown> {
  return answer.json().catch(() => undefined) as Promise<unknown>;
}

/** Whose tokens these are: the subject of the access token, told apart here and verified by the server alone. */
export function subjectOf(answer: SignedIn): string | undefined {
  const [, payload = ""] = answer.access_token.split(".");
  try {
    const claims = JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/"))) as { sub?: unknown };
    return typeof claims.sub === "string" ? claims.sub : undefined;
  } catch {
    return undefined;
  }
}

/** Ends on the server a session that is not begun here. */
export async function discard(answer: SignedIn): Promise<void> {
  await endOnServer(answer.access_token);
}

/** Ends the session here, in sibling tabs and on the server. Never fails: the local part always happens. */
export async function end(): Promise<void> {
  const last = tokens;
  keep(undefined);
  tell({ type: "out" });
  if (!last) return;
  await endOnServer(last.access);
}

async function endOnServer(access: string): Promise<void> {
  await fetch("/api/v1/auth/logout", {
    method: "POST",
    headers: { authorization: `Bearer ${access}` },
    keepalive: true,
  }).catch(() => undefined);
}
