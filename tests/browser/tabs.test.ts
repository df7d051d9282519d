/**
 * Goal: the tabs of one browser are one device: they share the connection, the login and what was read.
 * Method: two tabs of one profile beside another person, the tab that holds the connection is closed in between.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ChatPage } from "./chat-page.ts";
import { describeInBrowser } from "./chromium.ts";
import { TestServer } from "./server.ts";

describeInBrowser("the tabs of one browser", (browser) => {
  let server: TestServer;
  let first: ChatPage;
  let second: ChatPage;
  let bob: ChatPage;

  beforeAll(async () => {
    server = await TestServer.start();
    [first, bob] = await Promise.all([
      ChatPage.signedIn(browser(), server.url, "Ada"),
      ChatPage.signedIn(browser(), server.url, "Bob"),
    ]);
    await first.startChat(bob.phoneNumber);
    await first.write("from the first tab");
    await bob.openChat("Ada");
    second = await first.anotherTab();
  }, 60_000);
  afterAll(async () => {
    await Promise.all([second?.close(), bob?.close()]);
    await server?.stop();
  });

  test("the second tab is signed in and connected without a socket of its own", async () => {
    await second.waitForLink("Connected");
    await second.message("from the first tab").waitFor();
    await first.waitForLink("Connected");
    expect(second.sockets).toEqual([]);
  });

  test("what comes in and what either tab writes is in both", async () => {
    await bob.write("to both");
    await first.message("to both").waitFor();
    await second.message("to both").waitFor();
    await second.write("from the second tab");
    await second.waitForMark("from the second tab", "Sent");
    await first.message("from the second tab").waitFor();
    await bob.message("from the second tab").waitFor();
    expect(await second.messages()).toEqual(await first.messages());
  });

  test("when the tab with the connection closes, the other one takes over and nothing is lost", async () => {
    await first.page.close();
    await second.write("written during the change");
    await bob.message("written during the change").waitFor();
    await bob.write("still there?");
    await second.message("still there?").waitFor();
    await second.waitForLink("Connected");
    expect(second.sockets).toHaveLength(1);
    expect((await second.messages()).map((message) => message.sequence)).toEqual([1, 2, 3, 4, 5]);
  });

  test("signing out in one tab signs out all", async () => {
    const third = await second.anotherTab();
    await third.waitForLink("Connected");
    await third.page.getByRole("button", { name: /profile and sign out/ }).click();
    await third.page.getByRole("button", { name: "Sign out", exact: true }).click();
    await third.page.getByLabel("Phone number").waitFor();
    await second.page.getByLabel("Phone number").waitFor();
    expect(second.problems).toEqual([]);
    expect(third.problems).toEqual([]);
  });
});
