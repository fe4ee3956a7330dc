/** What the pages need to know about a VM's life: pure. */
import type { FlavorView, QuotaView } from "./api/types";

export type Tone = "good" | "moving" | "idle" | "bad" | "unknown";

const TONES: Record<string, Tone> = {
  queued: "moving",
  placing: "moving",
  building: "moving",
  running: "good",
  stopping: "moving",
  stopped: "idle",
  starting: "moving",
  rebooting: "moving",
  resizing: "moving",
  migrating: "moving",
  deleting: "moving",
  deleted: "idle",
  failed: "bad",
};

export const STATUSES = [
  "queued",
  "placing",
  "building",
  "running",
  "stopping",
  "stopped",
  "deleting",
  "failed",
];

/** Statuses are open-ended: a newer server may say one that this page has never heard of. */
export function tone(status: string): Tone {
  return TONES[status] ?? "unknown";
}

export type VmAction = "start" | "stop" | "reboot" | "delete";

export function allowed(action: VmAction, status: string): boolean {
  switch (action) {
    case "start":
      // A failed one is tried again.
      return status === "stopped" || status === "failed";
    case "stop":
    case "reboot":
      return status === "running";
    case "delete":
      return status !== "deleting" && status !== "deleted";
  }
}

export interface Take {
  resource: string;
  used: number;
  takes: number;
  limit: number;
  over: boolean;
}

/** What one VM of this flavor takes from each quota. A resource that this page does not know takes nothing. */
export function takes(flavor: FlavorView | undefined, quotas: QuotaView[]): Take[] {
  const needs: Record<string, number> = flavor
    ? { vms: 1, vcpus: flavor.vcpus, memory_mib: flavor.memory_mib, disk_gib: flavor.disk_gib }
    : {};
  return quotas.map(({ resource, limit, used }) => {
    const takes = needs[resource] ?? 0;
    return { resource, used, takes, limit, over: used + takes > limit };
  });
}

/** `a=1, b=2` as labels; undefined when it cannot be read so. */
export function parseLabels(text: string): Record<string, string> | undefined {
  const pairs = text
    .split(/[,\n]/)
    .map((pair) => pair.trim())
    .filter(Boolean)
    .map((pair) => /^([^=\s]+)\s*=\s*(.*)$/.exec(pair));
  if (pairs.some((pair) => pair === null)) return undefined;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""]));
}
