/** A VM's life, as its owner sees it. */
import { expect, test } from "@playwright/test";
import { readFileSync } from "node:fs";
import { createVm, deleteVm, fillVm, newcomer, signUp, watch } from "./kit";

/** Emulated guests take their time. */
const BOOT = { timeout: 120_000 };

test("sign up, create, watch it run, read its console, delete, find it all in the audit log", async ({
  page,
}) => {
  const faults = watch(page);
  await signUp(page, newcomer());
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await expect(page.getByText("No virtual machines in this project yet")).toBeVisible();

  await createVm(page, "web-1");
  const loads: string[] = [];
  page.on("load", () => loads.push(page.url()));
  const head = page.locator(".page-title");
  await expect(head.getByText("Running")).toBeVisible(BOOT);
  await expect(page.getByRole("log", { name: "Console" })).toContainText(/boot|linux|yunshu|login/i, BOOT);
  await expect(page.getByRole("region", { name: "Placement" }).getByText("chosen")).toBeVisible();
  await expect(page.getByRole("button", { name: "Start" })).toBeDisabled();
  expect(loads, "status came without a reload").toEqual([]);

  await page.getByRole("button", { name: "Delete" }).click();
  const asked = page.getByRole("dialog");
  await expect(asked.getByRole("button", { name: "Cancel" })).toBeFocused();
  await asked.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("This VM has been deleted.")).toBeVisible(BOOT);

  await page.getByRole("link", { name: "Audit log" }).click();
  const log = page.getByRole("table");
  await expect(log.getByText("vm.create", { exact: true })).toBeVisible();
  await expect(log.getByText("vm.delete", { exact: true })).toBeVisible();
  await page.getByLabel("Action").fill("vm.delete");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(log.getByText("vm.create", { exact: true })).toHaveCount(0);
  await expect(log.getByText("vm.delete", { exact: true })).toBeVisible();
  await page
    .getByRole("button", { name: /Details of event/ })
    .first()
    .click();
  await expect(log.getByText("Request", { exact: true })).toBeVisible();

  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: "CSV" }).click();
  const lines = readFileSync(await (await download).path(), "utf8")
    .trim()
    .split(/\r?\n/);
  expect(lines.length, "a head and the one event the filter leaves").toBe(2);
  expect(lines[1]).toContain("vm.delete");
  expect(faults).toEqual([]);
});

test("the list follows what another tab does", async ({ page, context }) => {
  await signUp(page, newcomer());
  // A second tab signs in by itself: its sibling hands the session over.
  const other = await context.newPage();
  await other.goto("/");
  await expect(other.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();

  await createVm(other, "seen-elsewhere");
  const row = page.getByRole("row", { name: /seen-elsewhere/ });
  await expect(row).toBeVisible();
  await expect(row.getByText("Running")).toBeVisible(BOOT);

  await page.getByRole("button", { name: "Actions for seen-elsewhere" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(row).toHaveCount(0, BOOT);
  await expect(other.getByText("This VM has been deleted.")).toBeVisible();
});

test("keyboard only: from the list to a created VM", async ({ page }) => {
  await signUp(page, newcomer());
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();

  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Create VM" })).toBeFocused();
  await page.keyboard.press("Enter");

  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.keyboard.type("by-keyboard");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await expect(page.getByRole("radio").first()).toBeChecked();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("combobox", { name: "Image" })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByText("This would be created.")).toBeVisible();
  const create = page.getByRole("button", { name: "Create VM" });
  for (let presses = 0; presses < 5; presses++) {
    await page.keyboard.press("Tab");
    if (await create.evaluate((button) => button === document.activeElement)) break;
  }
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "by-keyboard" })).toBeVisible();
  await deleteVm(page);
});

test("what would be refused is said before and beside its field", async ({ page }) => {
  await signUp(page, newcomer());
  await page.getByRole("link", { name: "Create VM" }).click();
  await fillVm(page, "Not_A_Name");
  await expect(page.getByText("This would be refused.")).toBeVisible();
  await page.getByRole("button", { name: "Create VM" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "The VM was not created" })).toContainText(
    /Request \S{8}/,
  );
  await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await expect(page).toHaveURL(/\/vms\/new$/);
});

test("a double submit makes one VM", async ({ page }) => {
  await signUp(page, newcomer());
  await page.getByRole("link", { name: "Create VM" }).click();
  await fillVm(page, "only-one");
  await expect(page.getByText("This would be created.")).toBeVisible();

  const keys: (string | undefined)[] = [];
  let dropped = false;
  await page.route(/\/vms$/, async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    keys.push(route.request().headers()["idempotency-key"]);
    if (dropped) return route.continue();
    // The server has done it; the answer is lost on its way back.
    dropped = true;
    await route.fetch();
    await route.abort();
  });
  const create = page.getByRole("button", { name: "Create VM" });
  await create.click();
  await expect(page.getByText("The VM was not created")).toBeVisible();
  await create.click();
  await expect(page.getByRole("heading", { level: 1, name: "only-one" })).toBeVisible();
  expect(keys.length).toBe(2);
  expect(keys[0]).toBe(keys[1]);
  await page.getByRole("link", { name: "Virtual machines" }).first().click();
  await expect(page.getByRole("row", { name: /only-one/ })).toHaveCount(1);
  await page.getByRole("link", { name: "only-one" }).click();
  await deleteVm(page);
});
