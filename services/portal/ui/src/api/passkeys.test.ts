import { expect, test } from "vitest";
import { bytes, text } from "./passkeys";

test("binary goes there and back in base64url, without padding", () => {
  for (const all of [[], [0], [255, 254], [251, 239, 190, 63], Array.from({ length: 256 }, (_, n) => n)]) {
    const written = text(Uint8Array.from(all).buffer);
    expect(written).toMatch(/^[\w-]*$/);
    expect([...bytes(written)]).toEqual(all);
  }
});
