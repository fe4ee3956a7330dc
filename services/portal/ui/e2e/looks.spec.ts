/** Every page in both languages, light and dark, wide and narrow: accessible, and no wider than its window. */
import { expect, test } from "@playwright/test";
import { createVm, deleteVm, expectAccessible, newcomer, signUp, watch } from "./kit";

const LOOKS = [
  { locale: "en-US", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { locale: "zh-CN", colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  { locale: "zh-CN", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { locale: "en-US", colorScheme: "dark", viewport: { width: 390, height: 844 } },
] as const;

const person = newcomer();
let vm = "";

test.describe.configure({ mode: "serial" });

test("a tenant with one VM", async ({ page }) => {
  await signUp(page, person);
  await createVm(page, "on-show");
  vm = new URL(page.url()).pathname;
});

for (const look of LOOKS) {
  const name = `${look.locale} ${look.colorScheme} ${look.viewport.width}`;
  test(name, async ({ browser, baseURL }, info) => {
    const context = await browser.newContext({ ...look, baseURL: baseURL ?? "", ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const faults = watch(page);
    const show = async (what: string) => {
      await expectAccessible(page, what);
      // For whoever wants to look; nobody does where the tests run by themselves.
      if (!process.env["CI"]) await page.screenshot({ path: info.outputPath(`${what}.png`), fullPage: true });
    };

    await page.goto("/sign-up");
    await expect(page.locator("form")).toBeVisible();
    await show("sign-up");
    await page.goto("/accept#token=yiv_none");
    await expect(page.locator("form")).toBeVisible();
    await show("accept");
    for (const [what, path] of [
      ["forgot", "/forgot"],
      ["reset", "/reset#rules=mlps3&token=ypr_none"],
      ["email", "/email#token=yec_none"],
    ] as const) {
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await show(what);
    }
    await page.goto("/sign-in");
    await show("sign-in");
    await page.locator("input[type=email]").fill(person.email);
    await page.locator("input[type=password]").fill(person.password);
    await page.locator("button[type=submit]").click();
    await expect(page.getByText("on-show")).toBeVisible();
    await show("vms");
    for (const [what, path] of [
      ["vm", vm],
      ["vm-new", "/projects/default/vms/new"],
      ["audit", "/audit"],
      ["proof", "/audit/proof"],
      ["compliance", "/audit/compliance"],
      ["retention", "/audit/retention"],
      ["account", "/account"],
      ["people", "/people"],
      ["invitations", "/people/invitations"],
      ["groups", "/people/groups"],
      ["roles", "/roles"],
      ["bindings", "/roles/bindings"],
      ["explain", "/roles/explain?permission=vm.create"],
      ["policies", "/policies"],
      ["programs", "/programs"],
      ["webhooks", "/webhooks"],
      ["keys", "/keys"],
    ] as const) {
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await show(what);
    }
    if (look.viewport.width < 860) {
      await page.getByRole("button", { name: /Menu|菜单/ }).click();
      await expect(page.getByRole("navigation", { name: /Main|主导航/ })).toBeVisible();
    }
    expect(faults).toEqual([]);
    await context.close();
  });
}

test("the VM goes again", async ({ page }) => {
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "on-show" }).click();
  await deleteVm(page);
});

test("the API reference is bundled and lives under the same policy", async ({ page, baseURL }) => {
  const faults = watch(page);
  const here = new URL(baseURL ?? "").origin;
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(here) && !request.url().startsWith("data:")) elsewhere.push(request.url());
  });
  await page.goto("/reference");
  await expect(page.getByRole("heading", { name: /Yunshu/ }).first()).toBeVisible();
  await page.locator("#operations-tag-vms").click();
  await expect(page.getByText("/api/v1/projects/{project}/vms", { exact: true }).first()).toBeVisible();
  expect(elsewhere).toEqual([]);
  expect(faults).toEqual([]);
});
