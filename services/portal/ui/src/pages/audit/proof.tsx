/** How the log proves itself: what was signed, with which keys, and the verification of all of it in the browser. */
import { AuditHead } from "./head";
import { Checkpoints } from "./checkpoints";
import { Keys } from "./keys";
import { Verification } from "./verification";

export function Proof() {
  return (
    <>
      <AuditHead />
      <Verification />
      <Checkpoints />
      <Keys />
    </>
  );
}
