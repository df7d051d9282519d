/**
 * Goal: people can sign in, find each other and talk on the page that the server serves.
 * Method: a real standalone server, several browser profiles, actions by label and key as people do them.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ChatPage, newNumber } from "./chat-page.ts";
import { describeInBrowser } from "./chromium.ts";
import { readLocalCode } from "./local-code.ts";
import { TestServer } from "./server.ts";

describeInBrowser("the chat page", (browser) => {
  let server: TestServer;
  let ada: ChatPage;
  let bob: ChatPage;
  let connectedAtMs = 0;

  beforeAll(async () => {
    server = await TestServer.start();
    [ada, bob] = await Promise.all([
      ChatPage.signedIn(browser(), server.url, "Ada"),
      ChatPage.signedIn(browser(), server.url, "Bob"),
    ]);
    connectedAtMs = performance.now();
  }, 60_000);
  afterAll(async () => {
    await Promise.all([ada?.close(), bob?.close()]);
    await server?.stop();
  });

  test("two people find each other by number, and what each writes reaches the other", async () => {
    await ada.startChat(bob.phoneNumber);
    await ada.write("Hello Bob");
    await ada.waitForMark("Hello Bob", "Sent");
    await bob.openChat("Ada");
    await bob.message("Hello Bob").waitFor();
    await bob.write("Hello Ada\nin two lines");
    await ada.message("Hello Ada\nin two lines").waitFor();
    expect(await ada.messages()).toEqual([
      { sequence: 1, text: "Hello Bob" },
      { sequence: 2, text: "Hello Ada\nin two lines" },
    ]);
    expect(await bob.messages()).toEqual(await ada.messages());
  });

  test("a message is marked as delivered once the other one has it", async () => {
    await ada.write("Did this arrive?");
    await ada.waitForMark("Did this arrive?", "Delivered");
  });

  test("others see that one is typing, until the message is there", async () => {
    await bob.composer.pressSequentially("I am");
    await ada.page.getByText("Bob is typing…").waitFor();
    await bob.write("I am done");
    await ada.message("I am done").waitFor();
    await ada.page.getByText("Bob is typing…").waitFor({ state: "detached" });
  });

  test("a reload keeps the session, the open chat and its history", async () => {
    const before = await ada.messages();
    await ada.page.reload();
    await ada.waitForLink("Connected");
    await ada.message("Hello Bob").waitFor();
    expect(await ada.messages()).toEqual(before);
  });

  test("a number that nobody has is answered in words, and so is one that is none", async () => {
    await ada.page.getByRole("button", { name: "New chat" }).click();
    const dialog = ada.page.getByRole("dialog");
    const stranger = newNumber();
    await dialog.getByLabel("Phone number").fill(stranger);
    await dialog.getByRole("button", { name: "Start chat" }).click();
    await dialog.getByText(`Nobody with the number ${stranger} is here yet.`).waitFor();
    await dialog.getByLabel("Phone number").fill("0171 123456");
    await dialog.getByRole("button", { name: "Start chat" }).click();
    await dialog.getByText("Begin with + and the country code").waitFor();
    await ada.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  });

  test("messages in a chat that is not open are counted, opening it counts them as read", async () => {
    await bob.composer.press("Escape");
    await bob.page.getByText("Choose a chat").waitFor();
    await ada.write("One");
    await ada.write("Two");
    await bob.chatItem("Ada").locator(".unread").getByText("2").waitFor();
    expect(await bob.page.title()).toBe("(2) Triplane");
    await bob.openChat("Ada");
    await bob.page.getByText("New messages").waitFor();
    await bob.chatItem("Ada").locator(".unread").waitFor({ state: "detached" });
  });

  test("a message that is too long says so and is not sent", async () => {
    await ada.composer.fill("é".repeat(2049));
    await ada.page.getByText("4,098 of 4,096 bytes: too long to send").waitFor();
    expect(await ada.page.getByRole("button", { name: "Send", exact: true }).isDisabled()).toBe(true);
    await ada.composer.press("Enter");
    expect(await ada.composer.inputValue()).toHaveLength(2049);
    await ada.composer.fill("");
  });

  test("text is shown as text: markup stays letters, web addresses become links", async () => {
    const text = `<img src=x onerror=alert(1)> see https://example.com/a?b=1.`;
    await ada.write(text);
    await bob.message(text).waitFor();
    expect(await bob.message(text).locator("img").count()).toBe(0);
    const link = bob.message(text).getByRole("link");
    expect(await link.getAttribute("href")).toBe("https://example.com/a?b=1");
    expect(await link.getAttribute("rel")).toBe("noopener noreferrer");
  });

  test("three people talk in a group, and its owner manages it", async () => {
    const cleo = await ChatPage.signedIn(browser(), server.url, "Cleo");
    await ada.startGroup("Weekend", [bob.phoneNumber, cleo.phoneNumber]);
    await ada.write("Who is in?");
    await bob.openChat("Weekend");
    await cleo.openChat("Weekend");
    await bob.message("Who is in?").waitFor();
    await bob.write("Me");
    await cleo.message("Me").waitFor();
    await cleo.write("Me too");
    await ada.message("Me too").waitFor();
    await bob.message("Me too").waitFor();
    expect(await ada.messages()).toEqual(await cleo.messages());
    expect(await cleo.message("Me").locator(".sender").textContent()).toBe("Bob");

    await ada.page.getByRole("button", { name: /Weekend.*: details/ }).click();
    const dialog = ada.page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Make admin: Bob" }).click();
    await dialog.getByRole("button", { name: "Make member: Bob" }).waitFor();
    await dialog.getByLabel("Group name").fill("Long weekend");
    await dialog.getByRole("button", { name: "Rename" }).click();
    await ada.chatItem("Long weekend").waitFor();
    await dialog.getByRole("button", { name: "Remove Cleo" }).click();
    await dialog.getByRole("button", { name: "Remove Cleo" }).waitFor({ state: "detached" });
    await cleo.write("Can you read this?");
    await cleo.page.getByText("you are not a member of it any more").waitFor();
    await dialog.getByRole("button", { name: "Mute" }).click();
    await dialog.getByRole("button", { name: "Unmute" }).waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await cleo.close();
  });

  test("who signs out has to sign in again, also after a reload", async () => {
    const dora = await ChatPage.signedIn(browser(), server.url, "Dora");
    await dora.page.getByRole("button", { name: /profile and sign out/ }).click();
    await dora.page.getByRole("button", { name: "Sign out", exact: true }).click();
    await dora.page.getByLabel("Phone number").waitFor();
    await dora.page.reload();
    await dora.page.getByLabel("Phone number").waitFor();
    expect(dora.problems).toEqual([]);
    await dora.close();
  });

  test("a wrong code is refused in words", async () => {
    const eve = await ChatPage.open(browser(), server.url, "Eve");
    await eve.page.getByLabel("Phone number").fill(eve.phoneNumber);
    await eve.page.getByRole("button", { name: "Send code" }).click();
    await eve.page.getByLabel("Code").waitFor();
    const code = await readLocalCode(server.url, eve.phoneNumber);
    await eve.page.getByLabel("Code").fill(code === "111111" ? "222222" : "111111");
    await eve.page.getByText("That code is not right, or it has expired.").waitFor();
    await eve.close();
  });

  test("one connection holds all the time: the server closes those without a heartbeat after 15 s", () => {
    expect(performance.now() - connectedAtMs).toBeGreaterThan(15_000);
    expect(bob.sockets).toHaveLength(1);
  });

  test("the browser has nothing to complain about: no errors, nothing against the page's policy", () => {
    expect(ada.problems).toEqual([]);
    expect(bob.problems).toEqual([]);
  });
});
