// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import type { Verdict } from "./finding";
import { Cursor } from "./cursor";
import { inScript, checker } from "./ed25519";
import { MAX_LINE } from "./lines";
import { Key, Note } from "./note";
import { base64, decimal, micros, utf8 } from "./text";
import { verify, type Trust } from "./verify";

const FOLDER = "../../audit/verifier/vectors";

interface Case {
  file: string;
  keys: string[];
  witnesses: string[];
  witnesses_needed?: number;
  trusted: string | null;
  verdict: Record<string, unknown>;
}

const cases = JSON.parse(readFileSync(`${FOLDER}/expected.json`, "utf8")) as Case[];
const bytesOf = (file: string) => new Uint8Array(readFileSync(`${FOLDER}/${file}`));

async function* inChunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.slice(at, at + size));
}

const trustOf = ({ keys, witnesses, witnesses_needed, trusted }: Case): Trust => ({
  keys: keys.map((key) => new Key(key)),
  witnesses: witnesses.map((key) => new Key(key)),
  witnessesNeeded: witnesses_needed,
  checkpoint: trusted === null ? undefined : readFileSync(`${FOLDER}/${trusted}`, "utf8"),
});

/** The verdict in the words of the vectors. */
function said(verdict: Verdict): Record<string, unknown> {
  if (!verdict.good) {
    const { code, seq, line } = verdict.finding;
    return { code, seq, line };
  }
  const { entries, withheld, checkpoints, firstSeq, lastSeq, size, root, agreesWith, register, warnings } =
    verdict.report;
  return {
    entries,
    withheld,
    checkpoints,
    first_seq: firstSeq,
    last_seq: lastSeq,
    size,
    root,
    agrees_with: agreesWith,
    ...(register && { register: register.size }),
    warnings: warnings.map(({ code }) => code),
  };
}

describe("the vectors that every verifier is held to", () => {
  test("there are some of each kind", () => {
    expect(cases.filter(({ verdict }) => "code" in verdict).length).toBeGreaterThan(25);
    expect(cases.filter(({ verdict }) => !("code" in verdict)).length).toBeGreaterThan(8);
  });

  test.each(cases)("$file", async (one) => {
    const bytes = bytesOf(one.file);
    expect(said(await verify(inChunks(bytes), trustOf(one)))).toEqual(one.verdict);
    // Wherever the bytes part, and whoever checks the signatures.
    expect(said(await verify(inChunks(bytes, 7), trustOf(one)))).toEqual(one.verdict);
    const importKey = vi.spyOn(crypto.subtle, "importKey").mockRejectedValue(new Error("not supported"));
    expect(said(await verify(inChunks(bytes), trustOf(one)))).toEqual(one.verdict);
    importKey.mockRestore();
  });
});

const whole = cases.find(({ file }) => file === "good-whole.ndjson");
if (!whole) throw new Error("the vectors have changed");
const trust = trustOf(whole);
const text = readFileSync(`${FOLDER}/${whole.file}`, "utf8");
const told = async (file: string, what: Trust = {}) => said(await verify(inChunks(utf8(file)), what));

describe("what nobody may write", () => {
  // Nothing signs when a key is said to have been good, nor which witnesses the file names.
  const unsigned = text.indexOf('"from"');
  const signed = text.indexOf("\n");

  test("a bit of a file is never changed unseen", async () => {
    const good = utf8(text);
    for (let at = 0; at < good.length; at += 13) {
      if (at >= unsigned && at <= signed) continue;
      const bad = good.slice();
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
      const verdict = await verify(inChunks(bad, 4096), trust);
      // Who cosigns an older checkpoint under another name is a stranger, and the reader is told.
      const told = verdict.good && verdict.report.warnings.some(({ code }) => code === "strangers");
      expect(verdict.good && !told, `bit ${at % 8} of byte ${at}`).toBe(false);
    }
  });

  test.each([
    ["a space", text.replace('"seq":1,', '"seq": 1,')],
    ["a zero in front", text.replace('"seq":1,', '"seq":01,')],
    ["another order", text.replace(/"seq":1,("id":"[^"]*",)/, '$1"seq":1,')],
    ["a field more", text.replace('"seq":1,', '"seq":1,"more":1,')],
    ["a field twice", text.replace('"seq":1,', '"seq":1,"seq":1,')],
    ["an escape without need", text.replace('"action":"s', '"action":"\\u0073')],
    ["an escaped slash", text.replace("user:", "user\\/")],
    ["a longer escape", text.replace('\\"', "\\u0022")],
    ["carriage returns", text.replaceAll("\n", "\r\n")],
    ["something behind", text.replace(/(\}\n)/, "$1 ").replace("\n {", "\n{ ")],
  ])("%s", async (_, file) => {
    expect(file).not.toBe(text);
    const verdict = await verify(inChunks(utf8(file)), trust);
    expect(verdict.good).toBe(false);
    expect(verdict).toMatchObject({ finding: { code: "malformed" } });
  });

  test("a mark in front, no newline at the end, nothing at all, no UTF-8", async () => {
    expect(await told(`\ufeff${text}`)).toMatchObject({ code: "format", line: 1 });
    expect(await told(text.slice(0, -1))).toMatchObject({ code: "malformed", line: 12 });
    expect(await told("")).toEqual({ code: "format", seq: null, line: 1 });
    const verdict = await verify(inChunks(Uint8Array.of(0xff, 0x0a)));
    expect(verdict).toMatchObject({ finding: { code: "malformed", seq: null } });
  });

  test("t26: a line without end is refused before it fills the memory", async () => {
    let read = 0;
    async function* endless() {
      for (;;) {
        read += 65_536;
        yield await Promise.resolve(new Uint8Array(65_536).fill(0x78));
      }
    }
    expect(await verify(endless())).toMatchObject({ finding: { code: "too_long", line: 1 } });
    expect(read).toBeLessThan(MAX_LINE + 200_000);
  });

  test("numbers beyond what a browser counts are told apart", async () => {
    const beyond = text.replace('"seq":9,', '"seq":9007199254740993,');
    expect(await told(beyond, trust)).toMatchObject({ code: "beyond", seq: 9 });
    const none = text.replace('"seq":9,', '"seq":9223372036854775808,');
    expect(await told(none, trust)).toMatchObject({ code: "malformed", seq: 9 });
    expect(decimal("9007199254740991")).toBe(Number.MAX_SAFE_INTEGER);
    for (const bad of ["", "-1", "01", "1e3", " 1", "+1", "1.0"]) expect(() => decimal(bad)).toThrow();
  });

  test("a key of one kind is none of the other, and a checkpoint of nobody counts for nothing", async () => {
    const [key] = whole.keys.map((one) => new Key(one));
    const [witness] = whole.witnesses.map((one) => new Key(one));
    if (!key || !witness) throw new Error("the vectors have changed");
    expect(await told(text, { keys: [witness] })).toMatchObject({ code: "trusted", seq: null });
    expect(await told(text, { witnesses: [key] })).toMatchObject({ code: "trusted", seq: null });
    expect(await told(text, { checkpoint: "no note" })).toMatchObject({ code: "trusted", seq: null });
    expect(() => new Key(`${key.text}=`)).toThrow();
    expect(() => new Key(key.text.replace("cloud.example", "other.example"))).toThrow();
  });
});

test("who stops it is obeyed, and what breaks off is a finding", async () => {
  const life = new AbortController();
  async function* stopped() {
    yield await Promise.resolve(utf8(text.slice(0, 5000)));
    life.abort();
    throw new TypeError("the connection broke");
  }
  await expect(verify(stopped(), {}, { signal: life.signal })).rejects.toThrow(/abort/i);
  async function* broken() {
    yield await Promise.resolve(utf8(text.slice(0, text.indexOf('{"type":"entry","seq":3'))));
    throw new TypeError("the connection broke");
  }
  expect(await verify(broken())).toMatchObject({ finding: { code: "unreadable", seq: 3, line: 4 } });
});

test("both ways to check a signature say the same (RFC 8032, 7.1, test 2)", async () => {
  const key = base64("PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=");
  const good = base64(
    "kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA==",
  );
  const message = Uint8Array.of(0x72);
  const check = await checker(key);
  const forged = good.slice();
  forged[0] = (forged[0] ?? 0) ^ 1;
  for (const [signature, verdict] of [
    [good, true],
    [forged, false],
    [good.slice(1), false],
  ] as const) {
    expect(await check(signature, message)).toBe(verdict);
    expect(inScript(key, signature, message)).toBe(verdict);
  }
});

test("what is no time and no base64 is refused", () => {
  expect(micros("2026-11-21T09:30:00.000001Z")).toBe(1_795_253_400_000_001n);
  expect(micros("9999-12-31T23:59:59.999999Z")).toBe(253_402_300_799_999_999n);
  for (const bad of [
    "2026-02-30T00:00:00.000000Z",
    "1969-12-31T23:59:59.000000Z",
    "2026-11-21T24:00:00.000000Z",
  ])
    expect(() => micros(bad)).toThrow();
  expect([...base64("AQI=")]).toEqual([1, 2]);
  for (const bad of ["AQI", "AQJ=", "AQ=I", "====", "A===", "AQI_", " AQI"])
    expect(() => base64(bad)).toThrow();
});

test("control characters have one escape each", () => {
  const read = (line: string) => new Cursor(line).text();
  expect(read('"\\u0000\\u001f\\b\u007f"')).toBe("\0\u001f\b\u007f");
  for (const bad of ['"\\u001F"', '"\\u0008"', '"\\u0020"', '"\t"', '"\\x"', '"'])
    expect(() => read(bad)).toThrow();
});

test("notes are bounded", () => {
  const note = trust.checkpoint ?? "";
  expect(new Note(note).signatures).toHaveLength(2);
  const line = note.slice(note.indexOf("\u2014"), note.indexOf("\n", note.indexOf("\u2014")) + 1);
  expect(() => new Note(note + line.repeat(63))).toThrow();
  for (const bad of ["", "\n\n", note.slice(0, -1), `${note}\n`, note.replace("\n", "\r\n")])
    expect(() => new Note(bad)).toThrow();
});

describe("what the vectors have no file for", () => {
  const vector = (file: string) => {
    const one = cases.find((known) => known.file === file);
    if (!one) throw new Error("the vectors have changed");
    return { text: readFileSync(`${FOLDER}/${file}`, "utf8"), trust: trustOf(one) };
  };
  const lineOf = (file: string, type: string) =>
    file.split("\n").find((line) => line.startsWith(`{"type":"${type}"`)) ?? "";
  const firstLine = (file: string) => file.slice(0, file.indexOf("\n") + 1);
  const another = (hash: string) =>
    hash.replace(/"([A-Za-z])/, (_, one: string) => `"${one === "A" ? "B" : "A"}`);

  test("a proof that leads elsewhere", async () => {
    const { text, trust } = vector("good-continued-linked.ndjson");
    const line = lineOf(text, "consistency");
    const [head = "", hashes = ""] = line.split('"hashes":[');
    const bad = text.replace(line, `${head}"hashes":[${another(hashes)}`);
    expect(bad).not.toBe(text);
    expect(await told(bad, trust)).toMatchObject({ code: "split" });
  });

  test("a frontier that is missing, or of another size", async () => {
    const { text, trust } = vector("good-continued.ndjson");
    expect(await told(firstLine(text), trust)).toMatchObject({ code: "frontier", line: 2 });
    const line = lineOf(text, "frontier");
    const bad = text.replace(line, line.replace('"size":4', '"size":8'));
    expect(await told(bad, trust)).toMatchObject({ code: "frontier", line: 2 });
  });

  test("lines that do not belong there", async () => {
    expect(await told(firstLine(text) + text, trust)).toMatchObject({ code: "misplaced", line: 2 });
    const entry = lineOf(text, "entry");
    const proven = text.replace(entry, `${entry.slice(0, -1)},"proof":[]}`);
    expect(await told(proven, trust)).toMatchObject({ code: "malformed", seq: 1 });
    const selection = vector("good-selection.ndjson");
    const note = lineOf(selection.text, "checkpoint");
    const twice = selection.text.replace(note, `${note}\n${note}`);
    expect(await told(twice, selection.trust)).toMatchObject({ code: "misplaced", line: 3 });
  });

  test("a checkpoint of another log, and a witness before its time", async () => {
    const other = (trust.checkpoint ?? "").replace("cloud.example", "other.example");
    const verdict = await verify(inChunks(utf8(text)), { ...trust, checkpoint: other });
    expect(verdict).toMatchObject({ finding: { code: "trusted", what: "trusted_origin" } });
    const early = text.replace(/("witnesses":.*?"from":")2023/, "$12033");
    expect(await told(early, trust)).toMatchObject({ code: "key_time", seq: 1 });
  });
});
