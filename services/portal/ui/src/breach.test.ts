import { describe, expect, it } from "vitest";
import { breachQuery, suspectsSomebody } from "./breach";

describe("a breach pack's query", () => {
  it("takes lists however they are typed, and times to the instant", () => {
    const query = breachQuery({
      since: "2026-11-01T00:00:00Z",
      actor: " user:a, user:b\nuser:c，user:d ",
      ip: "",
      session: "one",
    });
    expect(query).toEqual({
      since: "2026-11-01T00:00:00.000Z",
      actor: "user:a,user:b,user:c,user:d",
      session: "one",
    });
    expect(breachQuery({ since: "2026-11-01T00:00:00Z", until: "2026-11-02T00:00:00Z" }).until).toBe(
      "2026-11-02T00:00:00.000Z",
    );
  });

  it("knows when nobody is suspected", () => {
    expect(suspectsSomebody({ actor: " , ", ip: "" })).toBe(false);
    expect(suspectsSomebody({ ip: "192.0.2.1" })).toBe(true);
  });
});
