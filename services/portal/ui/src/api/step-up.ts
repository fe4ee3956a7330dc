/**
 * Step-up (RFC 9470): some actions ask for a factor that was shown of late. The refusal is met in one place, between the
 * typed client and the network: a dialog asks for the proof, and then the very same request goes out again.
 */
import type { ProblemBody } from "./types";

export const STEP_UP_REQUIRED = "step_up_required";
/** What was proven is felt everywhere within five seconds; a moment more for the way. */
const FELT_MS = 7_000;
const AGAIN_MS = 500;

/** Asks the person for a proof; false when they would rather not. */
type Asker = () => Promise<boolean>;

let asker: Asker | undefined;
let asking: Promise<boolean> | undefined;

/** The dialog puts itself here while it is there. */
export function onStepUp(next: Asker): () => void {
  asker = next;
  return () => {
    if (asker === next) asker = undefined;
  };
}

/** Requests that are refused at the same time are one question. */
function prove(): Promise<boolean> {
  asking ??= (asker?.() ?? Promise.resolve(false)).finally(() => {
    asking = undefined;
  });
  return asking;
}

/** Sends; asks for a proof when one is due, and sends again until it is felt. Not proven: the refusal is the answer. */
export async function proven(send: () => Promise<Response>): Promise<Response> {
  const refused = await send();
  if (!(await asksForProof(refused)) || !(await prove())) return refused;
  const end = Date.now() + FELT_MS;
  for (;;) {
    const answer = await send();
    if (Date.now() > end || !(await asksForProof(answer))) return answer;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

async function asksForProof(answer: Response): Promise<boolean> {
  if (answer.status !== 403) return false;
  const body = (await answer
    .clone()
    .json()
    .catch(() => undefined)) as Partial<ProblemBody> | undefined;
  return body?.code === STEP_UP_REQUIRED;
}
