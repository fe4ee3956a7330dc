/** The keys of an organisation's data, and a new one at will. */
import { expect, test } from "@playwright/test";
import { expectAccessible, newcomer, signUp, watch } from "./kit";

test("an owner sees the organisation's keys and has a new one made", async ({ page }) => {
  const faults = watch(page);
  await signUp(page, newcomer());
  await page.getByRole("link", { name: "Encryption keys" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Encryption keys" })).toBeVisible();
  await expect(page.getByText("No. 1", { exact: true })).toBeVisible();
  await expect(page.getByText("the platform's sealed file")).toBeVisible();
  await expect(page.getByText("Personal data", { exact: true })).toBeVisible();
  await expectAccessible(page, "keys");

  await page.getByRole("button", { name: "Rotate now" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate now" }).click();
  await expect(page.getByText("No. 2", { exact: true })).toBeVisible();
  expect(faults).toEqual([]);
});
