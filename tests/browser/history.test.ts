/**
 * Goal: long histories are readable back to their first message, without the view jumping.
 * Method: a chat of 160 messages, written by the reference client, scrolled back in a fresh browser profile.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TriplaneClient } from "../../src/shared/client/client.ts";
import { MemoryStorage } from "../../src/shared/client/storage-memory.ts";
import { ChatPage, newNumber } from "./chat-page.ts";
import { describeInBrowser } from "./chromium.ts";
import { readLocalCode } from "./local-code.ts";
import { TestServer } from "./server.ts";

const messageCount = 160;

describeInBrowser("the history of a chat", (browser) => {
  let server: TestServer;
  let ada: ChatPage;
  let writer: TriplaneClient;

  beforeAll(async () => {
    server = await TestServer.start();
    writer = await signedInClient(server.url);
    ada = await ChatPage.signedIn(browser(), server.url, "Ada");
    const { users } = await writer.rest.lookup([ada.phoneNumber]);
    const chat = await writer.rest.createDirectChat(users[0]?.user_id ?? "");
    const sent = Array.from({ length: messageCount }, (_, index) =>
      writer.send(chat.chat_id, `message ${index + 1}`),
    );
    await Promise.all(sent.map((message) => message.acked));
  }, 60_000);
  afterAll(async () => {
    await Promise.all([ada?.close(), writer?.close()]);
    await server?.stop();
  });

  test("opens at the newest message and goes back to the first, dense and in order", async () => {
    await ada.page.locator(".chat-item").first().click();
    await ada.message(`message ${messageCount}`).waitFor();
    const scroller = ada.page.getByRole("region", { name: "Messages" });
    for (let pages = 0; pages < 20; pages++) {
      const [first] = await ada.messages();
      if (first?.sequence === 1) break;
      await scroller.evaluate((element) => element.scrollTo({ top: 0 }));
      await ada.page.waitForFunction(
        (before) => Number(document.querySelector("[data-sequence]")?.getAttribute("data-sequence")) < before,
        first?.sequence ?? 0,
      );
    }
    const expected = Array.from({ length: messageCount }, (_, index) => ({
      sequence: index + 1,
      text: `message ${index + 1}`,
    }));
    expect(await ada.messages()).toEqual(expected);
    await ada.page.getByText("This is the beginning of the chat.").waitFor();
  });

  test("what one reads stays in place while older messages come in above it", async () => {
    await ada.page.reload();
    await ada.message(`message ${messageCount}`).waitFor();
    const first = (await ada.messages())[0]?.sequence ?? 0;
    expect(first).toBeGreaterThan(1);
    const scroller = ada.page.getByRole("region", { name: "Messages" });
    const moved = await scroller.evaluate(async (element, sequence) => {
      const row = (): Element | null => element.querySelector(`[data-sequence="${sequence}"]`);
      element.scrollTo({ top: 10 });
      const before = row()?.getBoundingClientRect().top ?? 0;
      const isLoaded = (): boolean => element.querySelector(`[data-sequence="${sequence - 1}"]`) !== null;
      while (!isLoaded()) await new Promise((resolve) => requestAnimationFrame(resolve));
      await new Promise((resolve) => requestAnimationFrame(resolve));
      return Math.abs((row()?.getBoundingClientRect().top ?? 0) - before);
    }, first);
    // The line above the oldest message changes its height by a few pixels.
    expect(moved).toBeLessThan(4);
  });

  test("a message that comes in meanwhile does not move the view: a button leads to it", async () => {
    const [chatId] = writer.chatIds;
    writer.send(chatId ?? "", "and one more");
    const jump = ada.page.getByRole("button", { name: /1 new messages/ });
    await jump.click();
    await ada.message("and one more").waitFor();
    await jump.waitFor({ state: "detached" });
  });
});

async function signedInClient(url: string): Promise<TriplaneClient> {
  const client = await TriplaneClient.open({ baseUrl: url, storage: new MemoryStorage(), limitSends: false });
  const number = newNumber();
  await client.rest.requestOtp(number);
  await client.login(number, await readLocalCode(url, number));
  await client.rest.updateMe("Writer");
  await client.connect();
  return client;
}
