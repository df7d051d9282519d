/**
 * Goal: what was written on the page is not lost, whatever becomes of the server.
 * Method: the real server is killed and started again on the same port and data while pages are open.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ChatPage } from "./chat-page.ts";
import { describeInBrowser } from "./chromium.ts";
import { TestServer } from "./server.ts";

describeInBrowser("the chat page and a server that is killed", (browser) => {
  let server: TestServer;
  let ada: ChatPage;
  let bob: ChatPage;

  beforeAll(async () => {
    server = await TestServer.start();
    [ada, bob] = await Promise.all([
      ChatPage.signedIn(browser(), server.url, "Ada"),
      ChatPage.signedIn(browser(), server.url, "Bob"),
    ]);
    await ada.startChat(bob.phoneNumber);
    await ada.write("before");
    await bob.openChat("Ada");
    await bob.message("before").waitFor();
  }, 60_000);
  afterAll(async () => {
    await Promise.all([ada?.close(), bob?.close()]);
    await server?.stop();
  });

  test("a message written meanwhile waits and arrives by itself once the server is back", async () => {
    await server.kill();
    await ada.waitForLink("Reconnecting…");
    await ada.page.getByText("What you write is kept and sent").waitFor();
    await ada.write("written without a server");
    await ada.waitForMark("written without a server", "Sending");
    await server.restart();
    await bob.message("written without a server").waitFor();
    await ada.waitForMark("written without a server", "Sent");
    await ada.waitForLink("Connected");
    expect(await ada.messages()).toEqual([
      { sequence: 1, text: "before" },
      { sequence: 2, text: "written without a server" },
    ]);
    expect(await bob.messages()).toEqual(await ada.messages());
  });

  test("a waiting message survives closing the page", async () => {
    await server.kill();
    await ada.waitForLink("Reconnecting…");
    await ada.write("written and closed");
    await ada.waitForMark("written and closed", "Sending");
    const address = ada.page.url();
    await ada.page.goto("about:blank");
    await server.restart();
    await ada.page.goto(address);
    await ada.waitForMark("written and closed", "Sent");
    await bob.message("written and closed").waitFor();
    expect(await bob.messages()).toHaveLength(3);
  });
});
