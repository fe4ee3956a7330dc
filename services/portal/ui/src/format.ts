/** Numbers and times as people of the chosen language write them. */
import { getPrefs } from "./prefs";

export function time(iso: string): string {
  return new Intl.DateTimeFormat(getPrefs().language, {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(new Date(iso));
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
  ["month", 12],
  ["year", Infinity],
];

/** "3 minutes ago", "3分钟前". */
export function ago(iso: string, now = Date.now()): string {
  let value = (new Date(iso).getTime() - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(value) < size) {
      return new Intl.RelativeTimeFormat(getPrefs().language, { numeric: "auto" }).format(
        Math.trunc(value),
        unit,
      );
    }
    value /= size;
  }
  return iso;
}

export function number(value: number): string {
  return new Intl.NumberFormat(getPrefs().language, { maximumFractionDigits: 2 }).format(value);
}

// A number and its unit are never parted by a line's end: U+00A0.

export function gibibytes(gib: number): string {
  return `${number(gib)}\u00a0GiB`;
}

/** MiB as MiB below one GiB and as GiB from there, as flavors are named. */
export function mebibytes(mib: number): string {
  return mib < 1024 ? `${number(mib)}\u00a0MiB` : `${number(mib / 1024)}\u00a0GiB`;
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(count, 1)) / 10));
  return `${number(count / 1024 ** step)}\u00a0${units[step] ?? "B"}`;
}

/**
 * `vm:0192f0c1-…` as `vm …8f9091a2b3`: the end of an id tells two apart, its beginning is only the time (RFC 9562). What is
 * no kind with an id stays as it is.
 */
export function reference(text: string): string {
  return text.replace(/^([a-z_]+):[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-([0-9a-f]{12})$/, "$1\u00a0…$2");
}

/** A length of time: "3.2 s", "2 min 5 s". */
export function seconds(count: number): string {
  const rest = number(Math.round(count < 60 ? count * 10 : count % 60) / (count < 60 ? 10 : 1));
  return count < 60 ? `${rest}\u00a0s` : `${number(Math.floor(count / 60))}\u00a0min ${rest}\u00a0s`;
}

/** A quota's amount with its unit. */
export function amount(resource: string, value: number): string {
  if (resource.endsWith("_mib")) return mebibytes(value);
  if (resource.endsWith("_gib")) return gibibytes(value);
  return number(value);
}
