import { expect, test } from "vitest";
import { amount, bytes, mebibytes, reference, seconds } from "./format";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

test("sizes carry their unit", () => {
  expect(plain(mebibytes(512))).toBe("512 MiB");
  expect(plain(mebibytes(1536))).toBe("1.5 GiB");
  expect(plain(bytes(0))).toBe("0 B");
  expect(plain(bytes(31 * 1024 * 1024))).toBe("31 MiB");
  expect(plain(amount("memory_mib", 2048))).toBe("2 GiB");
  expect(plain(amount("disk_gib", 40))).toBe("40 GiB");
  expect(plain(amount("vcpus", 4))).toBe("4");
});

test("lengths of time are short", () => {
  expect(plain(seconds(3.24))).toBe("3.2 s");
  expect(plain(seconds(125))).toBe("2 min 5 s");
});

test("an id is told by its end; anything else is left alone", () => {
  expect(plain(reference("vm:01a1fbe7-d043-728b-9058-0fa6dccbb503"))).toBe("vm …0fa6dccbb503");
  expect(reference("system:compute")).toBe("system:compute");
  expect(reference("path:/api/v1/projects/x")).toBe("path:/api/v1/projects/x");
});
