/** Runs against a real Yunshu: YUNSHU_URL, or the one that `./dev up` starts. */
import { defineConfig } from "@playwright/test";
import { existsSync } from "node:fs";

const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
if (!existsSync(chromium)) throw new Error(`no ${chromium}: apt-get install chromium, or set CHROMIUM`);

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  // A VM is emulated where the machine has no hardware virtualisation.
  timeout: 180_000,
  expect: { timeout: 20_000 },
  // Each file has tenants of its own. Most of a test is waiting: for an emulated machine, for a signature.
  workers: 2,
  // A second try tells a slow machine from a broken portal; the report names what needed it as flaky.
  retries: process.env["CI"] ? 1 : 0,
  reporter: [["list"]],
  use: {
    baseURL: process.env["YUNSHU_URL"] ?? "https://localhost:8443",
    // The development CA is made on this machine.
    ignoreHTTPSErrors: true,
    locale: "en-US",
    viewport: { width: 1440, height: 900 },
    // A click that meets a dialog on its way goes beside it. session.spec.ts looks at motion.
    contextOptions: { reducedMotion: "reduce" },
    // To trace all tests costs a third of the time.
    trace: process.env["CI"] ? "on-first-retry" : "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-domain-reliability",
        "--disable-sync",
        "--no-first-run",
        "--no-default-browser-check",
        "--no-pings",
      ],
    },
  },
});
