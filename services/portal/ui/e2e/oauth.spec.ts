/** Programs that people let in: registering one, deciding on what it asks, and the code that a device shows. */
import { expect, test, type Page } from "@playwright/test";
import { randomUUID } from "node:crypto";
import { expectAccessible, newcomer, signUp, watch } from "./kit";

const CALLBACK = "https://app.example/callback";
/** The pair of RFC 7636, appendix B. */
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";

interface Client {
  id: string;
  secret: string;
}

/** Registers a program on its page and reads its id and the secret that is shown this once. */
async function register(page: Page, name: string): Promise<Client> {
  await page.goto("/programs");
  await page.getByRole("button", { name: "Register a client" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  const uris = dialog.getByRole("combobox", { name: "Redirect URIs" });
  await uris.fill(CALLBACK);
  await uris.press("Enter");
  await dialog.getByRole("button", { name: "Register a client" }).click();
  const secret = await page.getByRole("list", { name: "The client's secret" }).innerText();
  await page.getByRole("button", { name: "I have kept it" }).click();
  const id = await page.getByRole("row", { name }).locator("code").first().innerText();
  return { id: id.trim(), secret: secret.trim() };
}

/** Where the program sends the browser. */
function question(client: string, redirect_uri = CALLBACK): string {
  const query = new URLSearchParams({
    client_id: client,
    redirect_uri,
    response_type: "code",
    scope: "openid email",
    state: "s-1",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  });
  return `/api/v1/oauth/authorize?${query.toString()}`;
}

/** The same as the page is asked it, past the server's first look. */
const page_of = (question: string) =>
  `/authorize?ask=${Buffer.from(question.split("?")[1] ?? "").toString("base64url")}`;

/** Stands where the program would, and remembers with what the browser came. */
async function standIn(page: Page): Promise<URL[]> {
  const came: URL[] = [];
  await page.route("https://*.example/**", (route) => {
    came.push(new URL(route.request().url()));
    return route.fulfill({ contentType: "text/html", body: "<title>The program</title><p>Back</p>" });
  });
  return came;
}

test("a program is registered, its secret renewed, and it goes again", async ({ page }) => {
  const faults = watch(page);
  await signUp(page, newcomer());
  await page.getByRole("link", { name: "Programs" }).click();
  await expect(page.getByText("No client", { exact: true })).toBeVisible();
  const { secret } = await register(page, "Grafana of the tests");
  expect(secret.length).toBeGreaterThan(20);
  const row = page.getByRole("row", { name: "Grafana of the tests" });
  await expect(row).toContainText("Confidential");
  // Shown once: not in the page, and not after a reload.
  await expect(page.getByText(secret)).toHaveCount(0);
  await page.reload();
  await expect(row).toBeVisible();
  await expect(page.getByText(secret)).toHaveCount(0);

  await row.getByRole("button", { name: "Renew the secret of Grafana of the tests" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Renew the secret" }).click();
  const renewed = await page.getByRole("list", { name: "The client's secret" }).innerText();
  expect(renewed.trim()).not.toEqual(secret);
  await page.getByRole("button", { name: "I have kept it" }).click();

  await row.getByRole("button", { name: "Delete Grafana of the tests" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(row).toHaveCount(0);
  expect(faults).toEqual([]);
});

test("a program is let in, and the code it gets is good for tokens", async ({ page, baseURL }) => {
  const faults = watch(page);
  const person = newcomer();
  await signUp(page, person);
  const { id, secret } = await register(page, "Grafana");
  const came = await standIn(page);

  await page.goto(question(id));
  await expect(page.getByRole("heading", { level: 1, name: "Let Grafana in?" })).toBeVisible();
  await expect(page.getByText(person.email)).toBeVisible();
  await expect(page.getByRole("list")).toContainText("read your email address");
  await expect(page.getByText("You then go on to app.example.")).toBeVisible();
  await expectAccessible(page, "consent");
  await page.getByRole("button", { name: "Let it in" }).click();
  await expect(page).toHaveTitle("The program");
  expect(came).toHaveLength(1);
  const said = came[0]?.searchParams;
  expect(said?.get("state")).toBe("s-1");
  expect(said?.get("iss")).toBeTruthy();

  const form = {
    grant_type: "authorization_code",
    code: said?.get("code") ?? "",
    redirect_uri: CALLBACK,
    code_verifier: VERIFIER,
    client_id: id,
    client_secret: secret,
  };
  const turnIn = () => page.request.post(`${baseURL ?? ""}/api/v1/oauth/token`, { form });
  const tokens = await turnIn();
  expect(tokens.status(), await tokens.text()).toBe(200);
  expect(await tokens.json()).toHaveProperty("id_token");
  expect((await turnIn()).status(), "a code is good once").toBe(400);
  expect(faults).toEqual([]);
});

test("a program is refused, and told so", async ({ page }) => {
  await signUp(page, newcomer());
  const { id } = await register(page, "Grafana");
  const came = await standIn(page);
  await page.goto(question(id));
  await page.getByRole("button", { name: "Refuse" }).click();
  await expect(page).toHaveTitle("The program");
  const said = came[0]?.searchParams;
  expect([said?.get("error"), said?.get("state"), said?.get("code")]).toEqual(["access_denied", "s-1", null]);
});

test("whoever is not signed in signs in first, and then decides", async ({ page, browser, baseURL }) => {
  const person = newcomer();
  await signUp(page, person);
  const { id } = await register(page, "Grafana");
  const context = await browser.newContext({
    baseURL: baseURL ?? "",
    ignoreHTTPSErrors: true,
    locale: "en-US",
  });
  const theirs = await context.newPage();
  await theirs.goto(question(id));
  await theirs.getByLabel("Email").fill(person.email);
  await theirs.getByLabel("Password", { exact: true }).fill(person.password);
  await theirs.keyboard.press("Enter");
  await expect(theirs.getByRole("heading", { level: 1, name: "Let Grafana in?" })).toBeVisible();
  await context.close();
});

test("nothing is sent to an address that nobody has registered", async ({ page }) => {
  await signUp(page, newcomer());
  const { id } = await register(page, "Grafana");
  const came = await standIn(page);
  const elsewhere = "https://evil.example/callback";
  for (const wrong of [question(id, elsewhere), question(id, `${CALLBACK}/`), question(randomUUID())]) {
    const answer = await page.goto(wrong);
    expect(answer?.status(), wrong).toBe(400);
    // Nor by whoever makes up the page's own address.
    await page.goto(page_of(wrong));
    await expect(page.getByRole("alert")).toContainText("No such program is let in here");
    await expect(page.getByRole("button", { name: /Let it in|Refuse/ })).toHaveCount(0);
    await expectAccessible(page, "consent refused");
  }
  await page.goto("/authorize?ask=nonsense");
  await expect(page.getByText("This link is not whole.")).toBeVisible();
  expect(came).toEqual([]);
});

/** A device asks: what it keeps and what it shows. */
async function device(page: Page): Promise<{ device_code: string; user_code: string }> {
  const answer = await page.request.post("/api/v1/oauth/device", { form: { client_id: "yunshu-cli" } });
  expect(answer.status(), await answer.text()).toBe(200);
  return (await answer.json()) as { device_code: string; user_code: string };
}

const collect = (page: Page, device_code: string) =>
  page.request.post("/api/v1/oauth/token", {
    form: { grant_type: DEVICE, device_code, client_id: "yunshu-cli" },
  });

test("a device is let in by its code, and a wrong code by nothing", async ({ page }) => {
  const faults = watch(page);
  const person = newcomer();
  await signUp(page, person);
  const { device_code, user_code } = await device(page);

  await page.goto("/device");
  await page.getByLabel("Code").fill("BBBB-BBBB");
  await page.keyboard.press("Enter");
  await expect(page.getByText("No device waits for this code, or no longer.")).toBeVisible();
  await expectAccessible(page, "device, wrong code");
  // As people type it: small, and without the hyphen.
  await page.getByLabel("Code").fill(user_code.replace("-", "").toLowerCase());
  await page.keyboard.press("Enter");
  await expect(page.getByText("Go on only if you have started this yourself, just now.")).toBeVisible();
  await expect(page.getByText(person.email)).toBeVisible();
  await expectAccessible(page, "device asks");
  await page.getByRole("button", { name: "Let it in" }).click();
  await expect(page.getByText(/is let in\. Go back to it/)).toBeVisible();
  const tokens = await collect(page, device_code);
  expect(tokens.status(), await tokens.text()).toBe(200);
  expect(faults).toEqual([]);
});

test("a device is refused, by a link with its code", async ({ page }) => {
  await signUp(page, newcomer());
  const { device_code, user_code } = await device(page);
  await page.goto(`/device#${user_code}`);
  await expect(page.getByLabel("Code")).toHaveValue(user_code);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Refuse" }).click();
  await expect(page.getByText(/is refused\./)).toBeVisible();
  const tokens = await collect(page, device_code);
  expect((await tokens.json()) as object).toMatchObject({ error: "access_denied" });
});

const LOOKS = [
  { locale: "en-US", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { locale: "zh-CN", colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  { locale: "zh-CN", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { locale: "en-US", colorScheme: "dark", viewport: { width: 390, height: 844 } },
] as const;

test("in both languages, light and dark, wide and narrow", async ({ page, browser, baseURL }, info) => {
  const person = newcomer();
  await signUp(page, person);
  const { id } = await register(page, "Grafana");
  for (const look of LOOKS) {
    const context = await browser.newContext({ ...look, baseURL: baseURL ?? "", ignoreHTTPSErrors: true });
    const theirs = await context.newPage();
    const faults = watch(theirs);
    const show = async (what: string) => {
      await expect(theirs.getByRole("heading", { level: 1 })).toBeVisible();
      const name = `${what} ${look.locale} ${look.colorScheme} ${look.viewport.width}`;
      await expectAccessible(theirs, name);
      await theirs.screenshot({ path: info.outputPath(`${name.replaceAll(" ", "-")}.png`), fullPage: true });
    };
    await theirs.goto("/sign-in");
    await theirs.locator("input[type=email]").fill(person.email);
    await theirs.locator("input[type=password]").fill(person.password);
    await theirs.locator("button[type=submit]").click();
    await expect(theirs).toHaveURL(/\/vms$/);
    await theirs.goto("/programs");
    await expect(theirs.getByText("Grafana", { exact: true })).toBeVisible();
    await show("programs");
    await theirs.goto(question(id));
    await expect(theirs.locator(".scopes")).toBeVisible();
    await show("consent");
    await theirs.goto(page_of(question(id, "https://evil.example/")));
    await expect(theirs.getByRole("alert")).toBeVisible();
    await show("consent-refused");
    const { user_code } = await device(theirs);
    await theirs.goto(`/device#${user_code}`);
    await show("device");
    await theirs.locator("button[type=submit]").click();
    await expect(theirs.locator(".scopes")).toBeVisible();
    await show("device-asks");
    expect(faults).toEqual([]);
    await context.close();
  }
});
