/** The browser that the page tests run in: the machine's own Chromium, no download. */
import { afterAll, beforeAll, describe, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Empty where the test script looked for one and found none. */
const path = process.env["TRIPLANE_CHROMIUM"] ?? "/usr/bin/chromium";
const launchArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Pages wait up to 20 s for one thing; a test waits for several. */
const testTimeoutMs = 120_000;

/**
 * A suite with a browser of its own. Without Chromium it is skipped with one line, but fails with `CI=true`.
 * @param body receives what gives the browser, once the tests run
 */
export function describeInBrowser(name: string, body: (browser: () => Browser) => void): void {
  if (path === "" || !existsSync(path)) {
    if (process.env["CI"] === "true") {
      test(`${name}: Chromium is there`, () => {
        throw new Error(`no Chromium at "${path}"; set TRIPLANE_CHROMIUM`);
      });
      return;
    }
    console.log(`skipped: ${name}: no Chromium at "${path}"`);
    return;
  }
  setDefaultTimeout(testTimeoutMs);
  describe(name, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: path, args: launchArguments });
    });
    afterAll(async () => {
      await browser?.close();
    });
    body(() => {
      if (browser === undefined) throw new Error("the browser has not started");
      return browser;
    });
  });
}
