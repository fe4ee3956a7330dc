/** One's own: second factors, step-up, sessions, keys, password. */
import { expect, test, type Browser, type Page } from "@playwright/test";
import { newcomer, signOut, signUp, toAccount, watch, type Person } from "./kit";
import { authenticator } from "./totp";

async function signIn(page: Page, { email, password }: Person): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
}

/** Another browser of the same person. */
async function elsewhere(browser: Browser, baseURL: string | undefined): Promise<Page> {
  const context = await browser.newContext({
    baseURL: baseURL ?? "",
    ignoreHTTPSErrors: true,
    locale: "en-US",
  });
  return context.newPage();
}

/** Adds an authenticator by keyboard, and gives it with the recovery codes. */
async function enrol(page: Page): Promise<{ code: () => string; recovery: string[] }> {
  await page.getByRole("button", { name: "Add an authenticator" }).click();
  await expect(page.getByRole("dialog").getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("img", { name: /QR code/ })).toBeVisible();
  const secret = await page.getByRole("dialog").locator("code").innerText();
  const code = authenticator(secret);
  await expect(page.getByLabel("Code")).toBeFocused();
  await page.keyboard.type(code());
  await page.keyboard.press("Enter");
  const codes = page.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
  await expect(codes).toHaveCount(10);
  const recovery = await codes.allInnerTexts();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByRole("row", { name: /Phone/ })).toContainText("In use");
  return { code, recovery };
}

async function makeKey(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Create a key" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill(name);
  await page.keyboard.press("Enter");
}

test("an authenticator: enrol, sign in with its code, show it again where it is asked for", async ({
  page,
  browser,
  baseURL,
}) => {
  const faults = watch(page);
  const person = newcomer();
  await signUp(page, person);
  const other = await elsewhere(browser, baseURL);
  await signIn(other, person);
  await toAccount(other);

  await toAccount(page);
  const { code, recovery } = await enrol(page);
  await expect(page.getByText("Recovery codes left: 10")).toBeVisible();

  // The session that showed no factor has to, before it may make a key; who cancels sees why.
  const proof = other.getByRole("dialog", { name: "Show that it is you" });
  const kept = other.getByRole("button", { name: "I have kept it" });
  await expect(async () => {
    // What was confirmed here is felt there within five seconds; a key made before that is just another key.
    await makeKey(other, "from afar");
    await expect(proof.or(kept)).toBeVisible();
    if (await kept.isVisible()) await kept.click();
    await expect(proof).toBeVisible({ timeout: 1 });
  }).toPass();
  await expect(proof.getByLabel("Code")).toBeFocused();
  await proof.getByRole("button", { name: "Cancel" }).click();
  await expect(other.getByRole("alert").filter({ hasText: "This asks for a fresh proof" })).toBeVisible();
  await other.getByRole("dialog").getByLabel("Name").press("Enter");
  await proof.getByLabel("Code").fill("000000");
  await proof.getByLabel("Code").press("Enter");
  await expect(proof.getByLabel("Code")).toHaveAttribute("aria-invalid", "true");
  await proof.getByLabel("Code").fill(code());
  await proof.getByLabel("Code").press("Enter");
  await expect(other.getByRole("list", { name: "The new key" })).toContainText(/ysk_\w+/);
  await other.context().close();

  await signOut(page);
  await signIn(page, person);
  await expect(page.getByRole("heading", { name: "Second factor" })).toBeVisible();
  await expect(page.getByLabel("Code")).toBeFocused();
  await expect(page.getByLabel("Code")).toHaveAttribute("autocomplete", "one-time-code");
  await page.keyboard.type(code());
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();

  await signOut(page);
  await signIn(page, person);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(recovery[3] ?? "");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
  await toAccount(page);
  await expect(page.getByText("Recovery codes left: 9")).toBeVisible();

  await page.getByRole("button", { name: "Remove Phone" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("No second factor yet")).toBeVisible();
  expect(faults).toEqual([]);
});

test("a key is shown once, works, and is revoked", async ({ page, playwright, baseURL }) => {
  await signUp(page, newcomer());
  await toAccount(page);
  await makeKey(page, "nightly backup");
  const secret = await page.getByRole("list", { name: "The new key" }).innerText();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByText(secret)).toHaveCount(0);
  const row = page.getByRole("row", { name: /nightly backup/ });
  await expect(row).toContainText("All that you may do");

  const program = await playwright.request.newContext({
    baseURL: baseURL ?? "",
    ignoreHTTPSErrors: true,
    extraHTTPHeaders: { authorization: `Bearer ${secret}` },
  });
  expect((await program.get("/api/v1/projects")).status()).toBe(200);
  await row.getByRole("button", { name: "Revoke nightly backup" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(row).toHaveCount(0);
  await expect(async () => expect((await program.get("/api/v1/projects")).status()).toBe(401)).toPass();
  await program.dispose();
});

test("without a second factor the password is the proof", async ({ page }) => {
  const person = newcomer();
  await signUp(page, person);
  await toAccount(page);
  // Waiting until a session is old takes a quarter of an hour, so the refusal is made here; the proof is real.
  let refused = false;
  await page.route(/\/me\/api-keys$/, async (route) => {
    if (refused || route.request().method() !== "POST") return route.continue();
    refused = true;
    await route.fulfill({
      status: 403,
      contentType: "application/problem+json",
      body: JSON.stringify({ type: "about:blank", title: "Step-up", status: 403, code: "step_up_required" }),
    });
  });
  await makeKey(page, "after a proof");
  const password = page.getByRole("dialog", { name: "Show that it is you" }).getByLabel("Password");
  await expect(password).toBeFocused();
  await page.keyboard.type("not the password at all");
  await page.keyboard.press("Enter");
  await expect(password).toHaveAttribute("aria-invalid", "true");
  await password.fill(person.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("list", { name: "The new key" })).toContainText("ysk_");
  expect(refused).toBe(true);
});

test("sessions are seen and ended, and a new password ends the others", async ({
  page,
  browser,
  baseURL,
}) => {
  const person = newcomer();
  await signUp(page, person);
  const other = await elsewhere(browser, baseURL);
  await signIn(other, person);
  await expect(other.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();

  await toAccount(page);
  const rows = page.getByRole("table", { name: "Sessions" }).getByRole("row");
  await expect(rows).toHaveCount(3);
  await expect(rows.filter({ hasText: "this one" })).toContainText("Chrome");
  await page.getByRole("button", { name: /^End the session of/ }).click();
  await expect(rows).toHaveCount(2);
  await expect(async () => {
    await other.reload();
    await expect(other.getByRole("heading", { name: "Sign in" })).toBeVisible({ timeout: 1_000 });
  }).toPass();

  await signIn(other, person);
  await expect(other.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
  const fresh = `${person.password} anew`;
  await page.getByLabel("Present password").fill(person.password);
  await page.getByLabel("New password").fill(fresh);
  await page.keyboard.press("Enter");
  await expect(page.getByText("Password changed; other sessions ended: 1")).toBeVisible();
  await page.getByLabel("Your name").fill("Ada of the tests");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: /^Account/ }).click();
  await expect(page.getByText("Ada of the tests")).toBeVisible();
  await other.context().close();
});
