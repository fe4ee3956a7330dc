import { expect, test } from "vitest";
import { en } from "./en";
import { zh } from "./zh";

const holes = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((hole) => hole[1]).sort();

test("both languages fill the same holes", () => {
  for (const key of Object.keys(en) as (keyof typeof en)[])
    expect(holes(zh[key]), key).toEqual(holes(en[key]));
});

test("no Chinese text was left in English", () => {
  const words = new Set(["flavor.size", "flavor.vcpus", "image.sha256", "quota.of", "quota.vcpus", "vm.id"]);
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    if (!words.has(key)) expect(zh[key], key).toMatch(/[\u4e00-\u9fff]/);
  }
});
