/** Sign-in by other providers: what an owner sets up, and what people are shown of it. */
import { expect, test } from "@playwright/test";
import { expectAccessible, newcomer, signUp, watch } from "./kit";

test("a provider: add, test, switch off, delete", async ({ page, browser, baseURL }) => {
  const faults = watch(page);
  const owner = newcomer();
  await signUp(page, owner);
  await page.goto("/people/providers");
  await expect(page.getByText("No providers yet")).toBeVisible();

  await page.getByRole("button", { name: "Add provider" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText(/\/sign-in\/callback$/)).toBeVisible();
  await dialog.getByLabel("Name", { exact: true }).fill("corp");
  await dialog.getByLabel(/^What people are shown/).fill("Corp Login");
  await dialog.getByLabel("Issuer").fill("https://id.invalid/realms/corp");
  await dialog.getByLabel("Client ID").fill("yunshu");
  await dialog.getByLabel("Client secret").fill("a secret of the client");
  await dialog.getByRole("button", { name: "Add provider" }).click();
  const row = page.getByRole("row", { name: /Corp Login/ });
  await expect(row).toContainText("In use");
  await expectAccessible(page, "providers");

  await row.getByRole("button", { name: "Test Corp Login" }).click();
  await expect(page.getByText(/^Corp Login does not:/)).toBeVisible();

  // Who has typed the organisation's name is offered it, before they are anybody.
  const context = await browser.newContext({
    baseURL: baseURL ?? "",
    ignoreHTTPSErrors: true,
    locale: "en-US",
  });
  const stranger = await context.newPage();
  const offer = stranger.getByRole("button", { name: "Continue with Corp Login" });
  await stranger.goto("/sign-in");
  await stranger.getByLabel(/^Organisation/).fill(owner.tenant);
  await expect(offer).toBeVisible();
  await expectAccessible(stranger, "sign-in with a provider");
  await offer.click();
  await expect(stranger.getByRole("alert").first()).toBeVisible();

  await row.getByRole("button", { name: "Change Corp Login" }).click();
  await expect(dialog.getByText("There is one. Left empty, it stays.")).toBeVisible();
  await dialog.getByRole("switch", { name: "People may sign in by it" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("Switched off");

  await stranger.reload();
  const asked = stranger.waitForResponse((answer) => answer.url().endsWith("/auth/oidc/providers"));
  await stranger.getByLabel(/^Organisation/).fill(owner.tenant);
  expect(await (await asked).json()).toMatchObject({ items: [] });
  await expect(offer).toHaveCount(0);
  await context.close();

  await row.getByRole("button", { name: "Delete Corp Login" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete provider" }).click();
  await expect(page.getByText("No providers yet")).toBeVisible();
  expect(faults).toEqual([]);
});
