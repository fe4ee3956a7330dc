import { known } from "../i18n";
import { useTranslation } from "react-i18next";
import { tone, type Tone } from "../vm";

/** A dot and a word; the word carries the meaning, the dot only repeats it. */
export function Dot({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={`status status-${tone}`}>
      <i aria-hidden="true" />
      {children}
    </span>
  );
}

export function VmStatus({ status }: { status: string }) {
  // Subscribes to the language; `known` reads it.
  useTranslation();
  return <Dot tone={tone(status)}>{known("vm.status", status)}</Dot>;
}
