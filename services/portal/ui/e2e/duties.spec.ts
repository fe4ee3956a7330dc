/** Duties that are kept apart: what stands in the way, the switch, and what it refuses from then on. */
import { expect, test, type Browser, type Page } from "@playwright/test";
import { expectAccessible, newcomer, signUp, watch, type Person } from "./kit";

async function choose(page: Page, label: string, text: string): Promise<void> {
  const field = page.getByRole("dialog").getByRole("combobox", { name: label });
  await field.fill(text);
  await expect(page.locator(".ant-select-item-option").filter({ hasText: text }).first()).toBeVisible();
  await field.press("Enter");
}

/** Invites somebody to a role, who accepts in a browser of their own. */
async function join(
  page: Page,
  browser: Browser,
  baseURL: string,
  person: Person,
  role: string,
): Promise<Page> {
  await page.goto("/people/invitations");
  await page.getByRole("button", { name: "Invite" }).first().click();
  await page.getByRole("dialog").getByLabel("Email").fill(person.email);
  await choose(page, "Role", role);
  await page.getByRole("dialog").getByRole("button", { name: "Invite" }).click();
  const link = await page.getByRole("list", { name: "Invitation link" }).innerText();
  await page.getByRole("button", { name: "I have kept it" }).click();
  const context = await browser.newContext({ baseURL, ignoreHTTPSErrors: true, locale: "en-US" });
  const theirs = await context.newPage();
  await theirs.goto(link);
  await theirs.getByLabel("Password", { exact: true }).fill(person.password);
  await theirs.keyboard.press("Enter");
  await expect(theirs.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
  return theirs;
}

test("three people, three duties", async ({ page, browser, baseURL }, info) => {
  const faults = watch(page);
  const owner = newcomer();
  await signUp(page, owner);
  await page.goto("/policies");
  const panel = page.getByRole("region", { name: "Separation of duties" });
  await expect(panel).toContainText("Duties are not apart");
  await expect(panel.getByRole("list", { name: "In the way" })).toContainText("Owner");
  await expect(panel).toContainText("Nobody who can sign in is Security administrator");
  await expect(panel.getByRole("button", { name: "Keep duties apart" })).toBeDisabled();
  await expectAccessible(page, "duties, in the way");
  await page.screenshot({ path: info.outputPath("in-the-way.png"), fullPage: true });

  const [security, system, audit] = [newcomer(), newcomer(), newcomer()];
  const theirs = await join(page, browser, baseURL ?? "", security, "Security administrator");
  await (await join(page, browser, baseURL ?? "", system, "System administrator")).context().close();
  await (await join(page, browser, baseURL ?? "", audit, "Auditor")).context().close();

  // The owner's role combines duties: it goes, and somebody who may appoint stays.
  await theirs.goto("/roles/bindings?role=owner");
  await theirs.getByRole("button", { name: /^Take Owner from/ }).click();
  await theirs.getByRole("dialog").getByRole("button", { name: "Take away" }).click();
  await expect(theirs.getByText("Nobody matches")).toBeVisible();

  await theirs.getByRole("link", { name: "Sign-in rules" }).click();
  const now = theirs.getByRole("region", { name: "Separation of duties" });
  await expect(now).toContainText("Nothing stands in the way.");
  await now.getByRole("button", { name: "Keep duties apart" }).click();
  await theirs.getByRole("dialog").getByRole("button", { name: "Keep duties apart" }).click();
  await expect(now).toContainText("Nobody can be given a second duty");
  await expectAccessible(theirs, "duties, apart");
  await theirs.screenshot({ path: info.outputPath("apart.png"), fullPage: true });

  await theirs.goto("/roles/bindings");
  await theirs.getByRole("button", { name: "Give a role" }).click();
  await choose(theirs, "Who", system.email);
  await choose(theirs, "Role", "Auditor");
  await theirs.getByRole("dialog").getByRole("button", { name: "Give a role" }).click();
  await expect(
    theirs.getByRole("alert").filter({ hasText: "Duties are apart in this tenant" }),
  ).toBeVisible();
  await theirs.context().close();
  expect(faults).toEqual([]);
});
