/** The organisation's rules for signing in, letters, and what the portal does about them. */
import { expect, test, type Page } from "@playwright/test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expectAccessible, newcomer, signUp, watch, type Person } from "./kit";
import { authenticator } from "./totp";

/** Where `./dev up` has letters written instead of sent. */
const MAIL = process.env["YUNSHU_MAIL"] ?? join(import.meta.dirname, "../../../../.local/mail");

async function signIn(page: Page, { email, password }: Person): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
}

function letters(to: string): string[] {
  const files = existsSync(MAIL) ? readdirSync(MAIL).filter((file) => file.endsWith(".eml")) : [];
  return files
    .map((file) => readFileSync(join(MAIL, file), "utf8"))
    .filter((text) => text.includes(`To: ${to}`));
}

function plain(eml: string): string {
  const [head = "", ...rest] = eml.replaceAll("\r\n", "\n").split("\n\n");
  const body = rest.join("\n\n");
  return /base64/i.test(head)
    ? Buffer.from(body, "base64").toString("utf8")
    : body.replaceAll("=\n", "").replaceAll("=3D", "=");
}

/** The link in the letter to this address that leads to such a page. */
async function linkTo(address: string, page: string): Promise<string> {
  const find = () =>
    letters(address)
      .map((letter) => new RegExp(`https?://[^/\\s]+(${page}\\S+)`).exec(plain(letter))?.[1])
      .find(Boolean);
  await expect.poll(find, { message: `a letter to ${address} with ${page}` }).toBeTruthy();
  return find() ?? "";
}

async function enrol(page: Page): Promise<() => string> {
  await page.getByRole("button", { name: "Add an authenticator" }).click();
  await page.getByRole("dialog").getByLabel("Name").press("Enter");
  const secret = await page.getByRole("dialog").locator("code").innerText();
  const code = authenticator(secret);
  await page.getByLabel("Code").fill(code());
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "I have kept it" }).click();
  return code;
}

test("who must have a second factor adds it before anything else", async ({ page, browser, baseURL }) => {
  const faults = watch(page);
  const owner = newcomer();
  await signUp(page, owner);

  // Whoever asks for a factor must have one.
  await page.getByRole("link", { name: "Sign-in rules" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Sign-in rules" })).toBeVisible();
  await expectAccessible(page, "policies");
  await page.getByRole("radio", { name: "Everybody" }).check();
  await page.getByRole("region", { name: "Signing in" }).getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "first add a second factor" })).toBeVisible();
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Your account" }).click();
  await enrol(page);
  await page.getByRole("link", { name: "Sign-in rules" }).click();
  await page.getByRole("radio", { name: "Everybody" }).check();
  await page.getByRole("region", { name: "Signing in" }).getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The rules are saved")).toBeVisible();

  // Somebody who is invited comes in without one, and is led to it.
  await page.getByRole("link", { name: "People" }).click();
  await page.getByRole("link", { name: "Invitations" }).click();
  await page.getByRole("button", { name: "Invite" }).first().click();
  const guest = { ...owner, email: `guest-${owner.email}`, password: `${owner.password} guest` };
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Email").fill(guest.email);
  await dialog.getByLabel("Role").click();
  await page.locator(".ant-select-item-option", { hasText: "Viewer" }).first().click();
  await dialog.getByRole("button", { name: "Invite" }).click();
  const accept = await linkTo(guest.email, "/accept#");
  const context = await browser.newContext({
    baseURL: baseURL ?? "",
    ignoreHTTPSErrors: true,
    locale: "en-US",
  });
  const other = await context.newPage();
  await other.goto(accept);
  await other.getByLabel("Password", { exact: true }).fill(guest.password);
  await expect(other.getByRole("meter", { name: "Strength" })).toHaveAttribute("aria-valuenow", /[34]/);
  await other.getByRole("button", { name: "Accept and sign in" }).click();
  await expect(other.getByRole("heading", { name: "Add a second factor" })).toBeVisible();
  await expectAccessible(other, "settle");
  await other.goto("/people");
  await expect(other.getByRole("heading", { name: "Add a second factor" })).toBeVisible();
  await enrol(other);
  await expect(other).toHaveURL(/\/people$|\/projects\//);
  await context.close();
  expect(faults).toEqual([]);
});

test("a lost password is chosen anew by letter, an address is changed and the change undone", async ({
  page,
}) => {
  const faults = watch(page);
  const person = newcomer();
  await signUp(page, person);

  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Your account" }).click();
  await page.getByRole("button", { name: "Change address" }).click();
  const moved = { ...person, email: `moved-${person.email}` };
  await page.getByRole("dialog").getByLabel("New address").fill(moved.email);
  await page.getByRole("dialog").getByRole("button", { name: "Send the letter" }).click();
  await expect(page.getByText(`A letter is on its way to ${moved.email}.`)).toBeVisible();
  await page.goto(await linkTo(moved.email, "/email#token"));
  await expectAccessible(page, "email");
  await page.getByRole("button", { name: "Confirm the address" }).click();
  await expect(page.getByText("Your address is changed.")).toBeVisible();

  await page.goto(await linkTo(person.email, "/email#undo"));
  await page.getByRole("button", { name: "Keep my address" }).click();
  await expect(page.getByText("Your address stays.")).toBeVisible();
  await page.getByRole("link", { name: "Choose a new password" }).click();

  await expect(page).toHaveURL(/\/forgot$/);
  await expectAccessible(page, "forgot");
  await page.getByLabel("Email").fill(person.email);
  await page.getByRole("button", { name: "Send the letter" }).click();
  await expect(page.getByText("If somebody has this address, a letter is on its way.")).toBeVisible();
  await page.goto(await linkTo(person.email, "/reset#"));
  await expectAccessible(page, "reset");
  await page.getByLabel("New password", { exact: true }).fill("passwordpassword");
  await expect(page.getByRole("meter", { name: "Strength" })).toHaveAttribute("aria-valuenow", /[012]/);
  const fresh = { ...person, password: `${person.password} anew` };
  await page.getByLabel("New password", { exact: true }).fill(fresh.password);
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("The password is changed.")).toBeVisible();
  await signIn(page, fresh);
  await expect(page.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
  expect(faults).toEqual([]);
});

test("passwords by GB/T 22239 are named where one is chosen; others' sessions are seen and ended", async ({
  page,
}) => {
  const person = newcomer();
  await signUp(page, person);
  await page.getByRole("link", { name: "Sign-in rules" }).click();
  await page.getByRole("radio", { name: /GB\/T 22239/ }).check();
  await page.getByRole("region", { name: "Passwords" }).getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The rules are saved")).toBeVisible();
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Your account" }).click();
  await expect(page.getByText(/At least 10 characters of 3 kinds/)).toBeVisible();

  await page.getByRole("link", { name: "People" }).click();
  await page.getByRole("button", { name: new RegExp(person.email) }).click();
  await page.getByRole("menuitem", { name: "Sessions" }).click();
  await expect(page.getByRole("dialog").getByRole("row")).toHaveCount(2);
  await page.getByRole("dialog").getByRole("button", { name: "End all sessions" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End all sessions" }).last().click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
});
