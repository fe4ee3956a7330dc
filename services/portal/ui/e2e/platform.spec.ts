/** What the platform's operator sees. Needs the operator's password, which only who runs the system has. */
import { expect, test } from "@playwright/test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expectAccessible, newcomer, signUp, watch } from "./kit";

const secrets = process.env["YUNSHU_CREDENTIALS"] ?? "../../../.local/secrets";
const file = join(secrets, "operator.password");

test("pools, hosts, flavors and images, and no tenant's content", async ({ page }, info) => {
  if (!existsSync(file))
    throw new Error(`no ${file}: ./dev up makes it; or name its directory in YUNSHU_CREDENTIALS`);
  const faults = watch(page);
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill("operator@yunshu.test");
  await page.getByLabel("Password", { exact: true }).fill(readFileSync(file, "utf8").trim());
  await page.getByRole("button", { name: "Sign in" }).click();

  await expect(page.getByRole("heading", { level: 1, name: "Hosts" })).toBeVisible();
  await expect(page.getByRole("table").getByText("Up", { exact: true }).first()).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Switch project" })).toHaveCount(0);
  for (const list of ["Pools", "Flavors", "Images", "Hosts"]) {
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: list }).click();
    await expect(page.getByRole("heading", { level: 1, name: list })).toBeVisible();
    await expect(page.getByRole("table").locator(".ant-table-row").first()).toBeVisible();
    await expectAccessible(page, list);
    await page.screenshot({ path: info.outputPath(`${list}.png`) });
  }
  expect(faults).toEqual([]);
});

test("a tenant is shown no platform, and told so on its pages", async ({ page }) => {
  await signUp(page, newcomer());
  await expect(page.getByRole("link", { name: "Hosts" })).toHaveCount(0);
  await page.goto("/platform/hosts");
  await expect(page.getByRole("alert").filter({ hasText: "You may not do this" })).toBeVisible();
});
