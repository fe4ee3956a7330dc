/** Webhooks: made, tried, given a new secret, paused and deleted; nothing is sent into the platform's own network. */
import { expect, test } from "@playwright/test";
import { expectAccessible, newcomer, signUp, watch } from "./kit";

test("a webhook is made, tried and given a new secret, and reaches no address of this machine", async ({
  page,
}) => {
  const faults = watch(page);
  await signUp(page, newcomer());
  await page.getByRole("link", { name: "Webhooks" }).click();
  await expect(page.getByText("No webhooks yet")).toBeVisible();

  await page.getByRole("button", { name: "Create webhook" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Name").fill("our-desk");
  await form.getByLabel("Address").fill("http://localhost/hook");
  await form.getByRole("button", { name: "Create webhook" }).click();
  await expect(form.getByRole("alert").first()).toBeVisible();
  await form.getByLabel("Address").fill("https://localhost/hook");
  await form.getByRole("button", { name: "Create webhook" }).click();
  const once = page.getByRole("dialog").filter({ hasText: "It is shown this once" });
  const first = await once.locator("code").innerText();
  expect(first).toMatch(/^whsec_/);
  await expectAccessible(page, "webhook secret");
  await once.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByText("https://localhost/hook")).toBeVisible();
  await expect(page.getByText(first)).toHaveCount(0);

  await page.getByRole("button", { name: "Send our-desk a test" }).click();
  await expect(page.getByText("A test is on its way")).toBeVisible();
  // What came of it is seen by whoever looks again.
  await expect(async () => {
    await page.reload();
    await page.getByRole("button", { name: "Deliveries to our-desk" }).click();
    await expect(page.getByRole("dialog").getByText("Nobody answers there")).toBeVisible({ timeout: 2_000 });
  }).toPass();
  await expectAccessible(page, "deliveries");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();

  await page.getByRole("button", { name: "New secret for our-desk" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "New secret" }).click();
  const second = await once.locator("code").innerText();
  expect(second).toMatch(/^whsec_/);
  expect(second).not.toEqual(first);
  await once.getByRole("button", { name: "I have kept it" }).click();

  await page.getByRole("button", { name: "Disable our-desk" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await expect(page.getByRole("button", { name: "Enable our-desk" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Send our-desk a test" })).toHaveCount(0);

  await page.getByRole("button", { name: "Delete our-desk" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No webhooks yet")).toBeVisible();
  expect(faults).toEqual([]);
});
