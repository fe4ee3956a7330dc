/** The typed client: bearer token in, problems out, one silent retry after a 401, a question after a step-up. */
import createClient from "openapi-fetch";
import { mind } from "./owed";
import { Problem } from "./problem";
import type { paths } from "./schema";
import { accessToken, refresh } from "./session";
import { proven } from "./step-up";

/** Sends with the session's token, and with a fresh proof where one is asked for. */
export function authorized(input: Request): Promise<Response> {
  // A request is spent by sending it, so copies are sent.
  return proven(() => inSession(input)).then(mind);
}

/** A 401 means the token died early (revoked key, clock): rotate once and send again. */
async function inSession(input: Request): Promise<Response> {
  const answer = await send(input.clone(), await accessToken());
  if (answer.status !== 401 || !(await refresh())) return answer;
  return send(input.clone(), await accessToken());
}

async function send(request: Request, token: string | undefined): Promise<Response> {
  if (token) request.headers.set("authorization", `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw Problem.network();
  }
}

const options = { baseUrl: "", headers: { accept: "application/json" } };

export const api = createClient<paths>({ ...options, fetch: authorized });

/** For sign-up and sign-in: no token is sent and a 401 is the answer. */
export const open = createClient<paths>({ ...options, fetch: (request) => send(request, undefined) });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or a thrown Problem. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok)
    throw Problem.of(response.status, error, response.headers.get("x-request-id") ?? undefined);
  return data as T;
}

/** The body with the ETag to send back as If-Match. */
export async function tagged<T>(call: Promise<Answer<T>>): Promise<{ value: T; etag: string | null }> {
  const answer = await call;
  return { value: await unwrap(Promise.resolve(answer)), etag: answer.response.headers.get("etag") };
}
