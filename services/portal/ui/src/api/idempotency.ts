import { useCallback, useRef } from "react";

/**
 * One key per intent: the same body from the same form keeps its key, so a second click or a retry after a lost answer
 * is the same request; a changed body is another one and gets another key.
 */
export function useIdempotencyKey(): (body: unknown) => string {
  const last = useRef<{ body: string; key: string }>(undefined);
  return useCallback((body: unknown) => {
    const text = JSON.stringify(body);
    if (last.current?.body !== text) last.current = { body: text, key: crypto.randomUUID() };
    return last.current.key;
  }, []);
}
