/** What a person chose about the portal itself: language and light or dark. Kept in this browser, nowhere else. */
import { useSyncExternalStore } from "react";

export type Language = "zh-CN" | "en";
export type ThemeChoice = "system" | "light" | "dark";

export interface Prefs {
  language: Language;
  theme: ThemeChoice;
  /** Id of the project last worked in. */
  project: string | undefined;
}

const STORED = "yunshu.prefs";
const listeners = new Set<() => void>();
let prefs: Prefs = { ...defaults(), ...stored() };

function defaults(): Prefs {
  const chinese = navigator.languages
    .find((tag) => /^(zh|en)\b/i.test(tag))
    ?.toLowerCase()
    .startsWith("zh");
  return { language: chinese ? "zh-CN" : "en", theme: "system", project: undefined };
}

function stored(): Partial<Prefs> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    // Private windows may refuse storage: the defaults do.
    return {};
  }
}

export function getPrefs(): Prefs {
  return prefs;
}

export function setPrefs(change: Partial<Prefs>): void {
  prefs = { ...prefs, ...change };
  try {
    localStorage.setItem(STORED, JSON.stringify(prefs));
  } catch {
    // As above.
  }
  listeners.forEach((listener) => listener());
}

export function onPrefs(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePrefs(): Prefs {
  return useSyncExternalStore(onPrefs, getPrefs);
}

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}

/** Below this the tables become cards and the sidebar a drawer. Keep in step with styles.css. */
export const useNarrow = () => useMedia("(max-width: 859px)");

export function useDark(): boolean {
  const system = useMedia("(prefers-color-scheme: dark)");
  const { theme } = usePrefs();
  return theme === "system" ? system : theme === "dark";
}
