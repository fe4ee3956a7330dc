import { expect, test } from "vitest";
import { askedIn, codeIn, hostOf } from "./authorization";

const word = (query: string) => btoa(query).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

test("what was asked comes through letter by letter", () => {
  const query =
    "client_id=c&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&code_challenge=x&state=0012345678901234567890&scope=openid+email";
  expect(askedIn(word(query))).toEqual({
    client_id: "c",
    redirect_uri: "https://app.example/cb",
    code_challenge: "x",
    state: "0012345678901234567890",
    scope: "openid email",
  });
});

test("what is not whole is nothing", () => {
  for (const bad of [undefined, "", "%%%", word("client_id=c"), word("\u00ff")])
    expect(askedIn(bad)).toBeUndefined();
});

test("a place is known by its host", () => {
  expect(hostOf("https://app.example:8443/cb?x=1")).toBe("app.example:8443");
  expect(hostOf("nowhere")).toBe("nowhere");
});

test("a device's code comes along behind the #, and nothing else does", () => {
  expect(codeIn("#BCDF-GHJK")).toBe("BCDF-GHJK");
  for (const bad of ["", "#", "#BCDF", "#BCDF-GHJ1", "#<script>"]) expect(codeIn(bad)).toBeUndefined();
});
