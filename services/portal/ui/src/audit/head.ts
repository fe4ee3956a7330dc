/** Where a log's last checkpoint stands in the register of all logs. */
import { reading, Seen, type Registered } from "./finding";
import { checkpoint, Note, type Checkpoint } from "./note";
import type { Signers } from "./signers";
import { uuid } from "./text";
import { included } from "./tree";
import * as wire from "./wire";

/** Finds that the checkpoint before the line is in the register as the line says; otherwise nothing is believed. */
export async function placed(
  line: wire.HeadLine,
  log: wire.LogLine,
  last: Checkpoint,
  signers: Signers,
): Promise<Registered> {
  const note = reading(null, "malformed", () => new Note(line.note));
  const register = reading(null, "malformed", () => checkpoint(note.text));
  const { origin, size, root, time } = register;
  if (origin !== beside(log)) throw new Seen("origin", null, { name: origin });
  if (time === undefined) throw new Seen("no_time", null);
  const cosigned = await signers.check(note, time, null);
  const tenant = uuid(log.tenant);
  const head = { time: line.time, size: last.size, root: last.root };
  const began = included(wire.beginningOf(tenant, line.blind), line.begun, size, line.begunProof, root);
  const stands = included(wire.headOf(tenant, line.blind, head), line.index, size, line.proof, root);
  if (line.begun >= line.index || line.time > time || !began || !stands) throw new Seen("head", null);
  return { origin, size, time, cosigned };
}

/** The origin of the register in which this log stands; undefined if the log is not called as one of many. */
function beside({ origin, tenant }: wire.LogLine): string | undefined {
  const ending = `/${tenant}`;
  if (!origin.endsWith(ending) || origin === ending) return undefined;
  return `${origin.slice(0, -ending.length)}/register`;
}
