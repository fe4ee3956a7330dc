/**
 * Server-sent events over fetch, because EventSource cannot carry an Authorization header.
 * The parser follows the WHATWG "event stream interpretation", over chunks that may end anywhere.
 */
export interface ServerEvent {
  id: string | undefined;
  event: string;
  data: string;
}

export class SseParser {
  private rest = "";
  private data: string[] = [];
  private event = "";
  private id: string | undefined;
  /** Where to go on after a break; a frame without data moves it on, too. */
  lastId: string | undefined;
  /** What the server asked us to wait before the next connection, in milliseconds. */
  retry: number | undefined;

  /** The events that this chunk completes. */
  push(chunk: string): ServerEvent[] {
    const found: ServerEvent[] = [];
    this.rest += chunk;
    // A lone CR at the very end may be half of CRLF: it waits for the next chunk.
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.rest);
      if (!end) return found;
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      const event = this.line(line);
      if (event) found.push(event);
    }
  }

  private line(line: string): ServerEvent | undefined {
    if (line === "") {
      const { data, event, id } = this;
      this.lastId = id;
      this.data = [];
      this.event = "";
      return data.length > 0 ? { id, event: event || "message", data: data.join("\n") } : undefined;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    if (field === "event") this.event = value;
    if (field === "id" && !value.includes("\0")) this.id = value;
    if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return undefined;
  }
}

export interface Handlers {
  /** Asks for the stream; called for every connection. */
  connect: (lastId: string | undefined, signal: AbortSignal) => Promise<Response>;
  onEvent: (event: ServerEvent) => void;
  /** True when events flow, false when they do not and the page should poll. */
  onLive: (live: boolean) => void;
}

/** Servers send a comment at least this often; a longer silence is a dead connection that TCP has not noticed. */
const SILENCE_MS = 45_000;
const FIRST_WAIT_MS = 500;
const LAST_WAIT_MS = 30_000;

/** Keeps one stream open until `signal` aborts, resuming after the last event seen. */
export async function follow(handlers: Handlers, signal: AbortSignal): Promise<void> {
  let lastId: string | undefined;
  let wait = FIRST_WAIT_MS;

  while (!signal.aborted) {
    const connection = new AbortController();
    const stop = () => connection.abort();
    signal.addEventListener("abort", stop, { once: true });
    const parser = new SseParser();
    try {
      const answer = await handlers.connect(lastId, connection.signal);
      if (!answer.ok || !answer.body) throw new Error(`event stream: ${answer.status}`);
      handlers.onLive(true);

      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const chunk = await within(SILENCE_MS, reader.read());
        if (chunk.done) break;
        wait = FIRST_WAIT_MS;
        for (const event of parser.push(chunk.value)) {
          handlers.onEvent(event);
        }
        lastId = parser.lastId ?? lastId;
      }
    } catch {
      // Whatever it was, the mend is the same: wait and connect again.
    } finally {
      connection.abort();
      signal.removeEventListener("abort", stop);
    }
    if (isAborted(signal)) break;
    handlers.onLive(false);
    await pause(Math.max(parser.retry ?? 0, wait * (0.5 + Math.random() / 2)), signal);
    wait = Math.min(wait * 2, LAST_WAIT_MS);
  }
}

// A call, so that the compiler does not carry the loop's condition over the awaits.
const isAborted = (signal: AbortSignal) => signal.aborted;

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("silent")), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
