import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { randomBytes } from "node:crypto";

export interface Person {
  tenant: string;
  email: string;
  password: string;
}

/** Somebody new: every test has a tenant of its own. */
export function newcomer(): Person {
  const mark = randomBytes(5).toString("hex");
  return { tenant: `e2e-${mark}`, email: `${mark}@example.com`, password: `lantern orbit ${mark} velvet` };
}

/** Signs up through the page, in English, and ends on the VM list of the first project. */
export async function signUp(page: Page, person: Person): Promise<void> {
  await page.goto("/sign-up");
  await page.getByLabel("Organisation's short name").fill(person.tenant);
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Create an organisation" }).click();
  await expect(page).toHaveURL(/\/projects\/default\/vms$/);
  await expect(page.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
}

/** Opens the menu of one's own. A dialog that is still closing would take the focus, and the menu would go with it. */
export async function choose(page: Page, item: string): Promise<void> {
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

export async function signOut(page: Page): Promise<void> {
  await choose(page, "Sign out");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
}

export async function toAccount(page: Page): Promise<void> {
  await choose(page, "Your account");
  await expect(page.getByRole("heading", { level: 1, name: "Your account" })).toBeVisible();
}

/** Picks what every system has: the first flavor and the first image. */
export async function fillVm(page: Page, name: string): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("radiogroup", { name: "Flavor" }).getByRole("radio").first().check();
  await page.getByRole("combobox", { name: "Image" }).click();
  await page.keyboard.press("Enter");
}

/** Creates a VM through the form and ends on its page. */
export async function createVm(page: Page, name: string): Promise<void> {
  await page.getByRole("link", { name: "Virtual machines" }).first().click();
  await page.getByRole("link", { name: "Create VM" }).click();
  await fillVm(page, name);
  await expect(page.getByText("This would be created.")).toBeVisible();
  await page.getByRole("button", { name: "Create VM" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
}

/** Deletes the VM whose page is open, and leaves when it is on its way: the host is everybody's. */
export async function deleteVm(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.locator(".page-title").getByText(/Deleting|Deleted/)).toBeVisible();
}

/** Nothing that axe calls serious or critical, and nothing wider than the window. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  await expect(page.locator(".ant-skeleton, .ant-spin-spinning")).toHaveCount(0);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const bad = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
  expect(bad, `${what}: axe`).toEqual([]);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(over, `${what}: wider than the window`).toBeLessThanOrEqual(0);
}

/** Fails the test on anything that the content security policy blocked or that a script threw. */
export function watch(page: Page): string[] {
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (/content security policy|refused to/i.test(message.text())) faults.push(message.text());
  });
  return faults;
}
