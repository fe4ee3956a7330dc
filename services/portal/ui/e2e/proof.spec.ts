/** The log proves itself: what was signed is kept, all of it is verified in the browser, and what was changed is found. */
import { expect, test, type Page } from "@playwright/test";
import { readFileSync, writeFileSync } from "node:fs";
import { expectAccessible, newcomer, signUp, watch } from "./kit";

/** The verification's panel, once a checkpoint is there: a newcomer's first entries are signed for within seconds. */
async function toProof(page: Page) {
  await page.getByRole("link", { name: "Audit log" }).click();
  await page.getByRole("link", { name: "Proof" }).click();
  await expect(page).toHaveURL(/\/audit\/proof$/);
  const latest = page.getByRole("region", { name: "Latest checkpoint" });
  await expect(latest.getByRole("button", { name: "Download checkpoint" })).toBeVisible({ timeout: 60_000 });
  return { latest, verify: page.getByRole("region", { name: "Verify", exact: true }) };
}

test("verified now, against what was kept; a changed file is not believed from the entry on", async ({
  page,
}, info) => {
  const faults = watch(page);
  const person = newcomer();
  await signUp(page, person);
  const { latest, verify } = await toProof(page);
  const verdict = verify.getByRole("status");
  await expectAccessible(page, "proof");

  // Kept: a checkpoint and the key.
  const keeping = page.waitForEvent("download");
  await latest.getByRole("button", { name: "Download checkpoint" }).click();
  const kept = await keeping;
  expect(kept.suggestedFilename()).toMatch(new RegExp(`^${person.tenant}-\\d+\\.checkpoint$`));
  const checkpoint = info.outputPath(kept.suggestedFilename());
  await kept.saveAs(checkpoint);
  expect(readFileSync(checkpoint, "utf8")).toMatch(/\n\d+\n.{44}\ntime \d+\n\n— /);
  const signs = page.getByRole("region", { name: "Keys that sign" });
  const key = await signs.locator("code").first().innerText();

  await verify.getByRole("button", { name: "Verify now" }).click();
  await expect(verdict).toContainText("Everything holds");
  await expect(verdict).toContainText("No checkpoint from before was given");
  await expect(verdict).toContainText("The keys are taken from the file itself");
  await expectAccessible(page, "verified");

  await verify.getByLabel("Choose a checkpoint").setInputFiles(checkpoint);
  await expect(verify.getByLabel("Checkpoint that you kept (optional)")).toHaveValue(/time \d+/);
  await verify.getByLabel("Keys that you noted (optional)").fill(key);
  await verify.getByRole("button", { name: "Verify now" }).click();
  await expect(verdict).toContainText("agrees, over");
  await expect(verdict).toContainText("(the key that you named)");
  await expect(verdict).not.toContainText("Before you believe it");
  await page.screenshot({ path: info.outputPath("verified.png"), fullPage: true });

  // A witness that is known from elsewhere must have cosigned it; the log's own key is none.
  const cosigner = latest.locator(".proof-key code").first();
  await expect(cosigner).toBeVisible({ timeout: 60_000 });
  const witness = await cosigner.innerText();
  await verify.getByLabel("Keys of witnesses (optional)").fill(witness);
  await verify.getByRole("button", { name: "Verify now" }).click();
  await expect(verdict).toContainText(`${witness} (the key that you named)`);
  await verify.getByLabel("Keys of witnesses (optional)").fill(key);
  await verify.getByRole("button", { name: "Verify now" }).click();
  await expect(verify.getByText(/^A key of a witness is written/)).toBeVisible();
  await verify.getByLabel("Keys of witnesses (optional)").fill("");

  // The same as a file, whole and changed.
  await page.getByRole("link", { name: "Entries", exact: true }).click();
  await page.getByRole("button", { name: "Export" }).click();
  const exporting = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "Verifiable" }).click();
  const file = info.outputPath("audit.verifiable.ndjson");
  await (await exporting).saveAs(file);
  await page.getByRole("link", { name: "Proof" }).click();
  const sent: string[] = [];
  page.on("request", (request) => {
    const renews = request.url().endsWith("/auth/refresh");
    if (request.method() !== "GET" && !renews) sent.push(request.url());
  });
  await verify.getByLabel("Verify a file").setInputFiles(file);
  await expect(verdict).toContainText("Everything holds");

  const text = readFileSync(file, "utf8");
  const succeeded = (line: string) =>
    line.startsWith('{"type":"entry"') && line.includes('"outcome":"success"');
  const good = text.split("\n").find(succeeded) ?? "{}";
  const { seq } = JSON.parse(good) as { seq: number };
  writeFileSync(file, text.replace(good, good.replace('"outcome":"success"', '"outcome":"denied"')));
  await verify.getByLabel("Verify a file").setInputFiles(file);
  await expect(verdict).toContainText(`Not to be believed from entry ${seq} on`);
  await expect(verdict).toContainText("The entry was changed, or is from another log.");
  await expectAccessible(page, "not believed");
  await page.screenshot({ path: info.outputPath("not-believed.png"), fullPage: true });
  expect(sent, "a file that is verified stays here").toEqual([]);

  // What is no key is said beside its field, before anything is asked for.
  await verify.getByLabel("Keys that you noted (optional)").fill("not a key");
  await verify.getByRole("button", { name: "Verify now" }).click();
  await expect(verify.getByText("A key is written name+id+key, copied whole.")).toBeVisible();
  expect(faults).toEqual([]);
});
