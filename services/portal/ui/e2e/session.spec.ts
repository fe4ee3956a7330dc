/** Signing in and out, projects, and what the portal remembers. */
import { expect, test } from "@playwright/test";
import { newcomer, signUp, watch } from "./kit";

test("a session survives a reload and ends everywhere at once", async ({ page, context }) => {
  const person = newcomer();
  await signUp(page, person);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
  const stored = await page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
  expect(stored, "no token outlives the tab").not.toContain("refresh");

  // Both tabs reload at once: a refresh token spent twice would end the session.
  const other = await context.newPage();
  await other.goto("/");
  await Promise.all([page.reload(), other.reload()]);
  for (const tab of [page, other]) {
    await expect(tab.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
  }

  // The other tab came last and is in front; what stands behind is not drawn, and its menu would never stand still.
  await page.bringToFront();
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await expect(other.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.goto("/audit");
  await expect(page).toHaveURL(/\/sign-in\?next=%2Faudit/);

  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill("not the password at all");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Email or password is wrong." })).toBeVisible();
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/audit$/);
  await expect(page.getByRole("heading", { level: 1, name: "Audit log" })).toBeVisible();
});

test("a taken name is said beside its field", async ({ page }) => {
  const person = newcomer();
  await signUp(page, person);
  const again = await page.context().browser()?.newContext({ ignoreHTTPSErrors: true, locale: "en-US" });
  const second = await again?.newPage();
  if (!again || !second) throw new Error("no second context");
  await second.goto(new URL("/sign-up", page.url()).href);
  await second.getByLabel("Organisation's short name").fill(person.tenant);
  await second.getByLabel("Email").fill(`other-${person.email}`);
  await second.getByLabel("Password", { exact: true }).fill(person.password);
  await second.getByRole("button", { name: "Create an organisation" }).click();
  await expect(second.getByRole("alert").filter({ hasText: /taken/i }).first()).toBeVisible();
  await expect(second).toHaveURL(/\/sign-up$/);
  await again.close();
});

test("projects are made and switched", async ({ page }) => {
  await signUp(page, newcomer());
  await page.getByRole("button", { name: "New project" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("shop");
  await dialog.getByRole("button", { name: "Create project" }).click();
  await expect(page).toHaveURL(/\/projects\/shop\/vms$/);

  await page.getByRole("combobox", { name: "Switch project" }).click();
  await page.locator(".ant-select-item-option", { hasText: "default" }).click();
  await expect(page).toHaveURL(/\/projects\/default\/vms$/);
  await page.goto("/projects/no-such-project/vms");
  await expect(page.getByText("This project does not exist, or you may not see it.")).toBeVisible();
});

test("language and appearance follow the browser and then the choice", async ({ browser, baseURL }) => {
  const context = await browser.newContext({
    baseURL: baseURL ?? "",
    ignoreHTTPSErrors: true,
    locale: "zh-CN",
    colorScheme: "dark",
  });
  const page = await context.newPage();
  const faults = watch(page);
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "登录" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-CN");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");

  await page.getByRole("button", { name: "English" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.getByRole("button", { name: /^Appearance/ }).click();
  await page.getByRole("menuitem", { name: "Light" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await page.reload();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  expect(faults).toEqual([]);
  await context.close();
});

for (const reducedMotion of ["reduce", "no-preference"] as const) {
  test(`a dialog moves into its place as the reader likes it: ${reducedMotion}`, async ({
    browser,
    baseURL,
  }) => {
    const context = await browser.newContext({
      baseURL: baseURL ?? "",
      ignoreHTTPSErrors: true,
      reducedMotion,
    });
    const page = await context.newPage();
    const took: number[] = [];
    await page.exposeFunction("moved", (seconds: number) => took.push(seconds));
    await page.addInitScript(() => {
      const { moved } = window as unknown as { moved: (seconds: number) => void };
      addEventListener("animationend", (event) => moved(event.elapsedTime), true);
    });
    await signUp(page, newcomer());
    await page.getByRole("button", { name: "New project" }).click();
    await expect(page.getByRole("dialog").getByLabel("Name")).toBeFocused();
    await expect.poll(() => took.length).toBeGreaterThan(0);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    expect(Math.max(...took) > 0.01).toBe(reducedMotion === "no-preference");
    await context.close();
  });
}

test("when the event stream is down, the page polls and says so", async ({ page }) => {
  await page.route("**/api/v1/events?**", (route) => route.abort());
  await signUp(page, newcomer());
  await expect(page.getByText("Polling", { exact: true })).toBeVisible();
  await page.unroute("**/api/v1/events?**");
  await expect(page.getByText("Live", { exact: true })).toBeVisible({ timeout: 60_000 });
});
