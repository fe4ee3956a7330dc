import { expect, test } from "vitest";
import { pointerPath, Problem } from "./problem";

test("a pointer is a form's path", () => {
  expect(pointerPath("/user/email")).toEqual(["user", "email"]);
  expect(pointerPath("#/labels/a~1b~0c")).toEqual(["labels", "a/b~c"]);
  expect(pointerPath("")).toEqual([]);
});

test("whatever came is a problem", () => {
  const body = { type: "t", title: "Invalid request", status: 400, code: "invalid", request_id: "r1" };
  expect(Problem.of(400, body)).toMatchObject({ code: "invalid", requestId: "r1", fields: [] });
  expect(Problem.of(502, "<html>", "r2")).toMatchObject({ status: 502, code: "http_502", requestId: "r2" });
  expect(Problem.of(500, null).title).toBe("HTTP 500");
  expect(Problem.from(new TypeError("x")).code).toBe("network");
});
