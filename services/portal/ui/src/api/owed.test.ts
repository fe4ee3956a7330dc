import { expect, test, vi } from "vitest";
import { mind, onOwed } from "./owed";

const answer = (status: number, code?: string) => new Response(JSON.stringify({ code }), { status });

test("whoever minds the pages hears of what is owed, and of nothing else", async () => {
  const told = vi.fn();
  const off = onOwed(told);
  for (const [status, code] of [
    [200, "factor_enrolment_required"],
    [403, "forbidden"],
    [403, "step_up_required"],
  ] as const)
    await mind(answer(status, code));
  await mind(new Response("no JSON", { status: 403 }));
  expect(told).not.toHaveBeenCalled();

  const refused = await mind(answer(403, "factor_enrolment_required"));
  expect(await refused.json(), "the page still reads it").toEqual({ code: "factor_enrolment_required" });
  await mind(answer(403, "password_expired"));
  expect(told).toHaveBeenCalledTimes(2);

  off();
  await mind(answer(403, "password_expired"));
  expect(told).toHaveBeenCalledTimes(2);
});
