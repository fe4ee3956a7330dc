/** An operator asks to come in, the organisation decides. Needs the operator's password, as platform.spec.ts does. */
import { expect, test, type Browser, type Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectAccessible, newcomer, signUp, watch } from "./kit";

const secrets = process.env["YUNSHU_CREDENTIALS"] ?? "../../../.local/secrets";

async function operator(browser: Browser, baseURL: string | undefined): Promise<Page> {
  const context = await browser.newContext({
    baseURL: baseURL ?? "",
    ignoreHTTPSErrors: true,
    locale: "en-US",
  });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill("operator@yunshu.test");
  await page
    .getByLabel("Password", { exact: true })
    .fill(readFileSync(join(secrets, "operator.password"), "utf8").trim());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Organisations" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Organisations" })).toBeVisible();
  return page;
}

async function ask(staff: Page, tenant: string, reason: string): Promise<void> {
  await staff.getByRole("searchbox", { name: "Find by name" }).fill(tenant);
  await staff.keyboard.press("Enter");
  const row = staff.getByRole("row", { name: new RegExp(tenant) });
  await row.getByRole("button", { name: "Ask for access" }).click();
  await staff.getByRole("dialog").getByLabel("Reason").fill(reason);
  await staff.getByRole("dialog").getByRole("button", { name: "Ask for access" }).click();
  await expect(staff.getByText("Asked; it waits for their consent")).toBeVisible();
  await expect(staff.getByRole("dialog")).toHaveCount(0);
}

test("an operator asks, the organisation lets in, ends and refuses", async ({
  page,
  browser,
  baseURL,
}, info) => {
  const faults = watch(page);
  const owner = newcomer();
  await signUp(page, owner);
  const staff = await operator(browser, baseURL);
  await expectAccessible(staff, "organisations");
  // Operators see what they asked of everybody: each run asks with words of its own.
  const [first, next] = [`A machine of ${owner.tenant} does not start`, `Once more of ${owner.tenant}`];
  await ask(staff, owner.tenant, first);

  await page.goto("/operator-access");
  const row = page.getByRole("row", { name: new RegExp(first) });
  await expect(row).toContainText("Waiting");
  await expectAccessible(page, "operator access");
  await page.screenshot({ path: info.outputPath("asked.png") });
  await row.getByRole("button", { name: "Let in" }).click();
  await expect(page.getByRole("dialog")).toContainText("For 60 minutes");
  await page.getByRole("dialog").getByRole("button", { name: "Let in" }).click();
  await expect(row).toContainText("In force");

  await staff.getByRole("link", { name: "Operator access" }).click();
  await expect(staff.getByRole("row", { name: new RegExp(first) })).toContainText("In force");
  await expectAccessible(staff, "what operators asked");

  await row.getByRole("button", { name: "End" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End" }).click();
  await expect(row).toContainText("Ended");

  await staff.getByRole("link", { name: "All organisations" }).click();
  await ask(staff, owner.tenant, next);
  await page.reload();
  const second = page.getByRole("row", { name: new RegExp(next) });
  await second.getByRole("button", { name: "Refuse" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Refuse" }).click();
  await expect(second).toContainText("Refused");

  // All of it is in the organisation's own log.
  await page.getByRole("link", { name: "Audit log" }).click();
  for (const action of ["operator_access.approve", "operator_access.end", "operator_access.refuse"]) {
    await expect(page.getByText(action).first()).toBeVisible();
  }
  expect(faults).toEqual([]);
  await staff.context().close();
});
