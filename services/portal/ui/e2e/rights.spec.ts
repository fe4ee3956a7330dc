/** People and rights: invite, group, give a role, take all of it away. */
import { expect, test, type Page } from "@playwright/test";
import { newcomer, signUp, watch } from "./kit";

/** In the dialog, by keyboard. */
async function choose(page: Page, label: string, text: string): Promise<void> {
  const field = page.getByRole("dialog").getByRole("combobox", { name: label });
  await field.fill(text);
  await expect(page.locator(".ant-select-item-option").filter({ hasText: text }).first()).toBeVisible();
  await field.press("Enter");
}

test("invite, accept in another browser, disable, delete", async ({ page, browser, baseURL }) => {
  const faults = watch(page);
  const owner = newcomer();
  const guest = newcomer();
  await signUp(page, owner);
  await page.getByRole("link", { name: "People" }).click();
  await page.getByRole("link", { name: "Invitations" }).click();
  await expect(page.getByText("No invitations")).toBeVisible();
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByRole("dialog").getByLabel("Email").fill(guest.email);
  await choose(page, "Role", "Viewer");
  await page.getByRole("dialog").getByRole("button", { name: "Invite" }).click();
  const link = await page.getByRole("list", { name: "Invitation link" }).innerText();
  expect(link).toContain(`${new URL(baseURL ?? "").origin}/accept#token=`);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByRole("row", { name: guest.email })).toContainText("Open");

  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-US" });
  const theirs = await context.newPage();
  const theirFaults = watch(theirs);
  await theirs.goto(link);
  await expect(theirs.getByRole("heading", { name: "Accept your invitation" })).toBeVisible();
  await theirs.getByLabel("Your name").fill("Grace of the tests");
  await theirs.getByLabel("Password", { exact: true }).fill(guest.password);
  await theirs.keyboard.press("Enter");
  await expect(theirs.getByRole("heading", { level: 1, name: "Virtual machines" })).toBeVisible();
  await expect(theirs.getByRole("link", { name: "People" })).toHaveCount(0);
  // The same link again, signed in: it says so, and opens nothing.
  await theirs.goto(link);
  await theirs.reload();
  await expect(theirs.getByText("You are signed in here already.")).toBeVisible();
  await theirs.getByLabel("Password", { exact: true }).fill(guest.password);
  await theirs.keyboard.press("Enter");
  await expect(theirs.getByText("This invitation opens nothing any more.")).toBeVisible();

  await page.reload();
  await expect(page.getByRole("row", { name: guest.email })).toContainText("Accepted");
  await page.getByRole("link", { name: "Users" }).click();
  await page.getByLabel("Name or email begins with").fill("grace");
  const row = page.getByRole("row", { name: /Grace of the tests/ });
  await expect(row).toContainText("Viewer");
  await expect(page.getByRole("row", { name: owner.email })).toHaveCount(0);

  await row.getByRole("button", { name: /^Actions/ }).click();
  await page.getByRole("menuitem", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await expect(row).toContainText("Disabled");
  await expect(async () => {
    await theirs.goto("/");
    await expect(theirs.getByRole("heading", { name: "Sign in" })).toBeVisible({ timeout: 1_000 });
  }).toPass();

  await row.getByRole("button", { name: /^Actions/ }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const sure = page.getByRole("dialog");
  await sure.getByRole("textbox").fill("somebody else");
  await expect(sure.getByRole("button", { name: "Delete" })).toBeDisabled();
  await sure.getByRole("textbox").fill(guest.email);
  await sure.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Nobody matches")).toBeVisible();
  expect([...faults, ...theirFaults]).toEqual([]);
  await context.close();
});

test("an invitation is taken back", async ({ page, browser }) => {
  await signUp(page, newcomer());
  await page.goto("/people/invitations");
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByRole("dialog").getByLabel("Email").fill("nobody@example.com");
  await choose(page, "Role", "Operator");
  await page.getByRole("dialog").getByRole("button", { name: "Invite" }).click();
  const link = await page.getByRole("list", { name: "Invitation link" }).innerText();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.getByRole("button", { name: "Take back the invitation of nobody@example.com" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
  await expect(page.getByRole("row", { name: "nobody@example.com" })).toContainText("Taken back");

  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-US" });
  const theirs = await context.newPage();
  await theirs.goto(link);
  await theirs.getByLabel("Password", { exact: true }).fill(newcomer().password);
  await theirs.keyboard.press("Enter");
  await expect(theirs.getByText("This invitation opens nothing any more.")).toBeVisible();
  await context.close();
});

test("a role of one's own, given to a group and taken away", async ({ page }) => {
  const owner = newcomer();
  await signUp(page, owner);
  await page.goto("/people/groups");
  await page.getByRole("button", { name: "Create a group" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("developers");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Members of developers" }).click();
  await choose(page, "Whom to add", owner.email);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("dialog").getByRole("table")).toContainText(owner.email);
  await page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);

  await page.getByRole("link", { name: "Roles and rights" }).click();
  await page.getByRole("button", { name: "Create a role" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("machine-runner");
  const permissions = page.getByRole("combobox", { name: "Permissions" });
  for (const permission of ["vm.read", "vm.operate"]) {
    await permissions.fill(permission);
    await page.keyboard.press("Enter");
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").getByRole("button", { name: "Create a role" }).click();
  const role = page.getByRole("row", { name: /machine-runner/ });
  await expect(role).toBeVisible();
  await role.getByRole("button", { name: "Change machine-runner" }).click();
  await page
    .getByRole("dialog")
    .getByLabel(/^Description/)
    .fill("Starts and stops");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(role).toContainText("Starts and stops");

  await page.getByRole("link", { name: "Who carries what" }).click();
  await page.getByRole("button", { name: "Give a role" }).click();
  const dialog = page.getByRole("dialog");
  await choose(page, "Who", "developers");
  await choose(page, "Role", "machine-runner");
  await choose(page, "Where", "default");
  await dialog.getByText("Conditions").click();
  await dialog.getByLabel("Minutes since a factor was shown, at most").fill("15");
  await dialog.getByRole("button", { name: "Give a role" }).click();
  const given = page.getByRole("row", { name: /developers/ });
  await expect(given).toContainText("15 min after a factor");
  await expect(given).toContainText("default");

  // A role that somebody carries stays.
  const remove = async () => {
    await page.getByRole("link", { name: "Roles", exact: true }).click();
    await role.getByRole("button", { name: "Delete machine-runner" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  };
  await remove();
  await expect(page.getByText(/The state does not allow this now/)).toBeVisible();
  await expect(role).toBeVisible();
  await page.getByRole("link", { name: "Who carries what" }).click();
  await given.getByRole("button", { name: "Take machine-runner from developers" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take away" }).click();
  await expect(given).toHaveCount(0);
  await remove();
  await expect(role).toHaveCount(0);
});
