/** Both languages are small and ship with the shell: switching is instant and never half-loaded. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { getPrefs, onPrefs } from "../prefs";
import { en } from "./en";
import { zh } from "./zh";

declare module "i18next" {
  interface CustomTypeOptions {
    keySeparator: false;
    nsSeparator: false;
    resources: { translation: typeof en };
  }
}

export type Key = keyof typeof en;

void i18next.use(initReactI18next).init({
  lng: getPrefs().language,
  fallbackLng: "en",
  resources: { en: { translation: en }, "zh-CN": { translation: zh } },
  keySeparator: false,
  nsSeparator: false,
  initAsync: false,
  // React escapes.
  interpolation: { escapeValue: false },
});

function show() {
  const { language } = getPrefs();
  document.documentElement.lang = language;
  if (i18next.language !== language) void i18next.changeLanguage(language);
}

show();
onPrefs(show);

/** The text for a key built from data, as `vm.status.<status>`, or the data itself when no text is known. */
export function known(prefix: string, word: string): string {
  const key = `${prefix}.${word}`;
  return isKey(key) ? i18next.t(key) : word.replaceAll("_", " ");
}

export const isKey = (key: string): key is Key => key in en;

export default i18next;
