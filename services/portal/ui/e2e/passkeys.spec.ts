/** Passkeys, with Chromium's own virtual device: add, sign in alone, as second factor, show again. */
import { expect, test, type Page } from "@playwright/test";
import { choose, expectAccessible, newcomer, signOut, signUp, toAccount, watch, type Person } from "./kit";

/** A device that verifies its holder by itself. */
async function device(page: Page): Promise<{ absent: () => Promise<void> }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    absent: async () => {
      await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    },
  };
}

/** As in browsers that offer no passkeys while an address is typed. */
async function withoutOffers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false);
  });
}

async function atWork(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
}

async function addPasskey(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Add a passkey" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await dialog.getByLabel("Name").fill(name);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("list", { name: "Recovery codes" }).getByRole("listitem")).toHaveCount(10);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByRole("row", { name: new RegExp(name) })).toContainText("Passkey");
}

async function typePassword(page: Page, { email, password }: Person): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
}

test("a passkey: add, rename, sign in with it alone and as second factor, show it again, remove", async ({
  page,
}) => {
  const faults = watch(page);
  await withoutOffers(page);
  const person = newcomer();
  await signUp(page, person);
  const { absent } = await device(page);
  await toAccount(page);
  await addPasskey(page, "Laptop");
  await page.getByRole("button", { name: "Rename Laptop" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Desk");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("row", { name: /Desk/ })).toBeVisible();

  await signOut(page);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await atWork(page);

  await signOut(page);
  await typePassword(page, person);
  await expect(page.getByRole("heading", { name: "Second factor" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Use a passkey" })).toBeFocused();
  await expectAccessible(page, "second factor by passkey");
  await page.keyboard.press("Enter");
  await atWork(page);

  // Waiting until a session is old takes a quarter of an hour, so the refusal is made here; the proof is real.
  let refused = false;
  await page.route(/\/me\/mfa\/recovery-codes$/, async (route) => {
    if (refused || route.request().method() !== "POST") return route.continue();
    refused = true;
    await route.fulfill({
      status: 403,
      contentType: "application/problem+json",
      body: JSON.stringify({ type: "about:blank", title: "Step-up", status: 403, code: "step_up_required" }),
    });
  });
  await toAccount(page);
  await page.getByRole("button", { name: "New recovery codes" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "New recovery codes" }).click();
  const proof = page.getByRole("dialog", { name: "Show that it is you" });
  await expect(proof.getByRole("button", { name: "Use a recovery code" })).toBeVisible();
  await proof.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("list", { name: "Recovery codes" }).getByRole("listitem")).toHaveCount(10);
  expect(refused).toBe(true);
  await page.getByRole("button", { name: "I have kept it" }).click();

  // Nobody's finger: the browser says no more than that nothing was shown.
  await absent();
  await signOut(page);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "No passkey was shown" })).toBeVisible();
  expect(faults).toEqual([]);
});

test("where the browser offers passkeys by itself, choosing one signs in", async ({ page }) => {
  const person = newcomer();
  await signUp(page, person);
  await device(page);
  await toAccount(page);
  await addPasskey(page, "Phone");
  const offers = await page.evaluate(() => PublicKeyCredential.isConditionalMediationAvailable());
  test.skip(!offers, "this Chromium has no conditional mediation");
  // The virtual device chooses at once, maybe before the page that was left is out of sight.
  const chosen = page.waitForResponse((reply) => reply.url().endsWith("/auth/passkey"));
  await choose(page, "Sign out");
  expect((await chosen).status()).toBe(200);
  await page.goto("/");
  await atWork(page);
  await toAccount(page);
  await page.getByRole("button", { name: "Remove Phone" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("No second factor yet")).toBeVisible();
});

for (const [locale, colorScheme] of [
  ["en-US", "light"],
  ["zh-CN", "dark"],
] as const) {
  test(`passkeys on a narrow screen: ${locale} ${colorScheme}`, async ({ browser, baseURL }, info) => {
    const context = await browser.newContext({
      locale,
      colorScheme,
      viewport: { width: 390, height: 844 },
      baseURL: baseURL ?? "",
      ignoreHTTPSErrors: true,
    });
    const page = await context.newPage();
    await withoutOffers(page);
    await device(page);
    const person = newcomer();
    await page.goto("/sign-up");
    await page.locator("#tenant, input[autocomplete=organization]").first().fill(person.tenant);
    await page.locator("input[type=email]").fill(person.email);
    await page.locator("input[type=password]").fill(person.password);
    await page.locator("button[type=submit]").click();
    await expect(page).toHaveURL(/\/vms$/);
    await page.goto("/account");
    await page.getByRole("button", { name: /Add a passkey|添加通行密钥/ }).click();
    await expect(page.getByRole("dialog").getByRole("textbox")).toBeVisible();
    await expectAccessible(page, "adding a passkey");
    await page.screenshot({ path: info.outputPath("add.png"), fullPage: true });
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /^(I have kept it|我已保存)$/ }).click();
    await expect(page.getByText(/^(Passkey|通行密钥)$/).first()).toBeVisible();
    await expectAccessible(page, "a passkey in the list");
    await page.screenshot({ path: info.outputPath("list.png"), fullPage: true });
    await context.close();
  });
}
