/**
 * Goal: tabs share one connection and take over from each other, and local storage outlives pages.
 * Method: Chromium against the scripted server on a real port; one page per tab.
 */
import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { describeInBrowser } from "../../../tests/browser/chromium.ts";
import type { BrowserSurface } from "./browser-entry.ts";
import type { ChatClient } from "./chat-client.ts";
import { platformClock } from "./platform.ts";
import { serveScripted } from "./scripted-listener.ts";
import { ScriptedServer } from "./scripted-server.ts";

/** What a test page holds. */
declare const triplane: BrowserSurface & { client: ChatClient };

async function pageBundle(): Promise<string> {
  const built = await Bun.build({ entrypoints: [`${import.meta.dir}/browser-entry.ts`], target: "browser" });
  const [output] = built.outputs;
  if (output === undefined) throw new Error("the bundle is empty");
  return output.text();
}

function servePages(server: ScriptedServer, bundle: string) {
  return serveScripted(server, (path) =>
    path === "/bundle.js"
      ? new Response(bundle, { headers: { "Content-Type": "text/javascript" } })
      : new Response('<!doctype html><script src="/bundle.js"></script>', {
          headers: { "Content-Type": "text/html" },
        }),
  );
}

async function openTab(page: Page, baseUrl: string): Promise<void> {
  await page.goto(baseUrl);
  await page.evaluate(async (url) => {
    const client = await triplane.openSharedClient({ baseUrl: url });
    triplane.client = client;
    if (client.userId === undefined) await client.login("+14155551234", "000000");
    await client.connect();
  }, baseUrl);
}

describeInBrowser("the client in a browser", (browser) => {
  test("two tabs share one connection; when the leader is gone the other goes on", async () => {
    const server = new ScriptedServer({ clock: platformClock, supportsHeaders: false, latencyMs: 1 });
    server.addChat("chat_A", 1);
    await using served = servePages(server, await pageBundle());
    const context = await browser().newContext();
    const first = await context.newPage();
    await openTab(first, served.baseUrl);
    const second = await context.newPage();
    await openTab(second, served.baseUrl);
    expect(server.connections.length).toBe(1);
    expect(new URL(server.upgrades[0]?.url ?? "").searchParams.get("token")).toBe("access-1");

    const sequence = await second.evaluate(
      async () => (await triplane.client.send("chat_A", "from the second tab").acked).message.sequence,
    );
    expect(sequence).toBe(2);
    await first.close();
    const after = await second.evaluate(
      async () => (await triplane.client.send("chat_A", "after the first tab").acked).message.sequence,
    );
    expect(after).toBe(3);
    expect(server.connections.length).toBe(2);
    // A later visit finds everything in IndexedDB, without a login.
    await second.reload();
    const kept = await second.evaluate(async (url) => {
      const client = await triplane.openSharedClient({ baseUrl: url });
      const messages = await client.messages("chat_A");
      return { userId: client.userId, contents: messages.map((message) => message.content) };
    }, served.baseUrl);
    expect(kept.userId).toBe("user_01SCRIPTED");
    expect(kept.contents).toEqual(["message 1", "from the second tab", "after the first tab"]);
    expect(server.calls.filter((call) => call.path === "/auth/verify-otp").length).toBe(1);
    await context.close();
  });

  test("IndexedDB keeps the storage's promises", async () => {
    const server = new ScriptedServer({ clock: platformClock, supportsHeaders: false, latencyMs: 1 });
    await using served = servePages(server, await pageBundle());
    const page = await browser().newPage();
    await page.goto(served.baseUrl);
    const seen = await page.evaluate(async () => {
      const open = () =>
        new triplane.IndexedDbStorage({ factory: indexedDB, keyRange: IDBKeyRange }, "suite");
      const storage = open();
      await storage.write(["p/3", "p/1", "q/1", "p/2", "o/9"].map((key) => ({ key, value: key })));
      const all = { before: undefined, limit: 100, reverse: false };
      const keys = async (range: Parameters<typeof storage.list>[1]) =>
        (await storage.list("p/", range)).map((entry) => entry.key).join(" ");
      const listed = [
        await keys(all),
        await keys({ ...all, reverse: true, limit: 2 }),
        await keys({ before: "p/3", limit: 1, reverse: true }),
        await keys({ ...all, before: "p/1" }),
        await keys({ ...all, limit: 0 }),
      ];
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => storage.write([{ key: "last", value: String(index) }])),
      );
      await storage.write([
        { key: "gone", value: "1" },
        { key: "gone", value: undefined },
      ]);
      await storage.close();
      const again = open();
      const reopened = [await again.get("last"), (await again.get("gone")) ?? "none"];
      await again.close();
      return { listed, reopened };
    });
    expect(seen.listed).toEqual(["p/1 p/2 p/3", "p/3 p/2", "p/2", "", ""]);
    expect(seen.reopened).toEqual(["49", "none"]);
    await page.close();
  });
});
