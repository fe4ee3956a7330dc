import { expect, test } from "vitest";
import { invitationUrl, tokenOf } from "./invitation";

test("the token is what stands behind the #", () => {
  expect(tokenOf("#token=yiv_a-b_C")).toBe("yiv_a-b_C");
  expect(tokenOf("token=yiv_a")).toBe("yiv_a");
  for (const none of ["", "#", "#other=1"]) expect(tokenOf(none)).toBeUndefined();
});

test("a link leads to this portal", () => {
  expect(invitationUrl("/accept#token=yiv_a", "https://cloud.example")).toBe(
    "https://cloud.example/accept#token=yiv_a",
  );
});
