/** Why somebody may or may not, as the page tells it. */
import { expect, test, type Page } from "@playwright/test";
import { expectAccessible, newcomer, signUp, watch } from "./kit";

/** By keyboard, in the page or a dialog. */
async function choose(page: Page, label: string, text: string): Promise<void> {
  const field = page.getByRole("combobox", { name: label });
  await field.fill(text);
  await expect(page.locator(".ant-select-item-option").filter({ hasText: text }).first()).toBeVisible();
  await field.press("Enter");
}

test("of oneself, of a machine, in a project and everywhere", async ({ page, browser, baseURL }, info) => {
  const faults = watch(page);
  const owner = newcomer();
  await signUp(page, owner);
  await page.getByRole("link", { name: "Programs" }).click();
  await page.getByRole("button", { name: "Create a service account" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("robot");
  await page.getByRole("dialog").getByRole("button", { name: "Create a service account" }).click();
  await expect(page.getByRole("row", { name: /robot/ })).toBeVisible();
  await page.getByRole("link", { name: "Roles and rights" }).click();
  await page.getByRole("link", { name: "Who carries what" }).click();
  await page.getByRole("button", { name: "Give a role" }).click();
  const dialog = page.getByRole("dialog");
  for (const [label, text] of [
    ["Who", "robot"],
    ["Role", "Viewer"],
    ["Where", "default"],
  ] as const) {
    await dialog.getByRole("combobox", { name: label }).fill(text);
    await dialog.getByRole("combobox", { name: label }).press("Enter");
  }
  await dialog.getByRole("button", { name: "Give a role" }).click();
  const given = page.getByRole("row", { name: /robot/ });
  await expect(given).toBeVisible();

  // From the binding: whose, and where, come along.
  await given.getByRole("link", { name: "Explain the rights of robot" }).click();
  await expect(page.getByText("Choose a permission.")).toBeVisible();
  const answer = page.getByRole("region", { name: "Answer" });
  await choose(page, "Permission", "vm.read");
  await expect(answer).toContainText("robot may: vm.read");
  await expect(answer.getByRole("row", { name: /Viewer/ })).toContainText("Counts");
  await choose(page, "Permission", "vm.create");
  await expect(answer).toContainText("robot may not: vm.create");
  await expect(answer).toContainText("No role that they carry there carries it.");
  await expect(answer.getByRole("listitem").filter({ hasText: "Operator" })).toBeVisible();

  // What is bound to one project is bound elsewhere where everything is asked for.
  const path = new URL(page.url());
  path.searchParams.delete("project");
  path.searchParams.set("permission", "vm.read");
  await page.goto(path.href);
  await expect(answer).toContainText("robot may");
  await expect(answer.getByRole("row", { name: /Viewer/ })).toContainText("Bound elsewhere");

  // Oneself, all by keyboard; a guarded action says so.
  await page.goto("/roles/explain");
  await choose(page, "Permission", "role.create");
  await expect(answer).toContainText("Yourself may: role.create");
  await expect(answer).toContainText("It also asks for a factor shown of late.");
  await expect(answer.getByRole("row", { name: /Owner/ })).toContainText("themselves");
  await page.goto("/roles/explain?permission=pool.create");
  await expect(answer).toContainText("Yourself may not: pool.create");
  expect(faults).toEqual([]);

  for (const look of [
    { locale: "zh-CN", colorScheme: "dark", viewport: { width: 1440, height: 900 } },
    { locale: "zh-CN", colorScheme: "light", viewport: { width: 390, height: 844 } },
    { locale: "en-US", colorScheme: "dark", viewport: { width: 390, height: 844 } },
    { locale: "en-US", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  ] as const) {
    const context = await browser.newContext({ ...look, baseURL: baseURL ?? "", ignoreHTTPSErrors: true });
    const theirs = await context.newPage();
    await theirs.goto("/sign-in");
    await theirs.locator("input[type=email]").fill(owner.email);
    await theirs.locator("input[type=password]").fill(owner.password);
    await theirs.locator("button[type=submit]").click();
    await expect(theirs).toHaveURL(/\/vms$/);
    for (const [what, where] of [
      ["granted", "/roles/explain?permission=role.create"],
      ["missing", `${path.pathname}?who=${path.searchParams.get("who") ?? ""}&permission=vm.create`],
    ] as const) {
      await theirs.goto(where);
      await expect(theirs.locator(".verdict")).toBeVisible();
      const name = `explain-${what}-${look.locale}-${look.colorScheme}-${look.viewport.width}`;
      await expectAccessible(theirs, name);
      await theirs.screenshot({ path: info.outputPath(`${name}.png`), fullPage: true });
    }
    await context.close();
  }
});
