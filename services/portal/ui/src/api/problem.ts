/** The one error the pages know: RFC 9457 problem details, or the network's failure in the same form. */
import type { ProblemBody } from "./types";

export interface FieldProblem {
  /** JSON pointer into the body that was sent, as in `/user/email`. */
  pointer: string;
  detail: string;
  code?: string;
}

export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    /** HTTP status; 0 when no answer came at all. */
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string | undefined,
    readonly requestId: string | undefined,
    readonly fields: FieldProblem[],
  ) {
    super(detail ?? title);
  }

  static network(): Problem {
    return new Problem(0, "network", "No connection", undefined, undefined, []);
  }

  /** From an answer's parsed body; whatever a proxy in between made of it. */
  static of(status: number, body: unknown, requestId?: string): Problem {
    const known: Partial<ProblemBody> = typeof body === "object" && body !== null ? body : {};
    return new Problem(
      status,
      known.code ?? `http_${status}`,
      known.title ?? `HTTP ${status}`,
      known.detail ?? undefined,
      known.request_id ?? requestId,
      (known.errors ?? []).map(({ pointer, detail, code }) => ({
        pointer,
        detail,
        ...(code ? { code } : {}),
      })),
    );
  }

  static from(error: unknown): Problem {
    return error instanceof Problem ? error : Problem.network();
  }
}

/** `/user/email` as a form's path; `~1` and `~0` are RFC 6901's escapes. */
export function pointerPath(pointer: string): string[] {
  return pointer
    .replace(/^#/, "")
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
