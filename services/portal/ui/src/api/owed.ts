/**
 * What a session owes before it is good for anything else. The rules of the organisation may change while a page is open:
 * the refusal is met in one place, and whoever minds the pages is told.
 */
import type { Me, ProblemBody } from "./types";

const CODES = new Set(["factor_enrolment_required", "password_expired"]);

let told: (() => void) | undefined;

/** Calls back when an answer says that something is owed. */
export function onOwed(listener: () => void): () => void {
  told = listener;
  return () => {
    if (told === listener) told = undefined;
  };
}

/** Looks at an answer on its way to the page. */
export async function mind(answer: Response): Promise<Response> {
  if (answer.status !== 403 || !told) return answer;
  const body = (await answer
    .clone()
    .json()
    .catch(() => undefined)) as Partial<ProblemBody> | undefined;
  if (body?.code && CODES.has(body.code)) told();
  return answer;
}

export function owes({ sign_in }: Me): boolean {
  return sign_in.must_enrol || sign_in.password_expired;
}
