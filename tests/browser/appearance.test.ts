/**
 * Goal: the page is readable and operable on wide screens and phones, light and dark.
 * Method: a chat with everything in it; per size and scheme a screenshot for human eyes, and by computation:
 * nothing overflows, text has enough contrast (WCAG 2.2, 1.4.3), everything has a name and a place.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatPage, phone, wide } from "./chat-page.ts";
import { describeInBrowser } from "./chromium.ts";
import { nameless, overflowing, paleTexts } from "./page-checks.ts";
import { TestServer } from "./server.ts";

const directory = process.env["TRIPLANE_SCREENSHOTS"] ?? join(tmpdir(), "triplane-screenshots");

describeInBrowser("the look of the chat page", (browser) => {
  let server: TestServer;
  let ada: ChatPage;
  let bob: ChatPage;

  beforeAll(async () => {
    await mkdir(directory, { recursive: true });
    server = await TestServer.start();
    [ada, bob] = await Promise.all([
      ChatPage.signedIn(browser(), server.url, "Ada Lovelace"),
      ChatPage.signedIn(browser(), server.url, "Bob"),
    ]);
    await ada.startGroup("A group with a rather long name that has to be cut somewhere", [bob.phoneNumber]);
    await ada.write("Everybody welcome");
    await ada.startChat(bob.phoneNumber);
    await ada.write("Hello Bob");
    await ada.write("Are you coming on Saturday?");
    await bob.openChat("Ada Lovelace");
    await bob.write(
      `Yes! ${"A longer text, to see how lines wrap when there are several of them. ".repeat(4)}`,
    );
    await bob.write(`https://example.com/${"a-very-long-address-without-a-break".repeat(4)}`);
    await bob.write("👍");
    await ada.message("👍").waitFor();
    await ada.write("See you then");
    await ada.waitForMark("See you then", "Delivered");
  }, 90_000);
  afterAll(async () => {
    await Promise.all([ada?.close(), bob?.close()]);
    await server?.stop();
    console.log(`screenshots: ${directory}`);
  });

  for (const scheme of ["light", "dark"] as const) {
    for (const [size, viewport] of Object.entries({ wide, phone })) {
      describe(`${size}, ${scheme}`, () => {
        const look = async (name: string): Promise<void> => {
          await ada.page.screenshot({ path: join(directory, `${size}-${scheme}-${name}.png`) });
          expect({
            overflowing: await overflowing(ada.page),
            nameless: await nameless(ada.page),
            paleTexts: await paleTexts(ada.page),
          }).toEqual({ overflowing: [], nameless: [], paleTexts: [] });
        };
        beforeAll(async () => {
          await ada.page.setViewportSize(viewport);
          await ada.page.emulateMedia({ colorScheme: scheme });
        });

        test("a conversation", async () => {
          await ada.page.evaluate(() => {
            const link = [...document.querySelectorAll<HTMLAnchorElement>(".chat-item")].find((item) =>
              item.textContent?.includes("Bob"),
            );
            link?.click();
          });
          await ada.message("See you then").waitFor();
          await look("conversation");
        });

        test("a conversation without a server", async () => {
          await server.kill();
          await ada.page.getByText("What you write is kept and sent").waitFor();
          await ada.composer.fill(`A draft\nof several lines\n${"x".repeat(3600)}`);
          await look("offline");
          await ada.composer.fill("");
          await server.restart();
          await ada.page.getByText("What you write is kept and sent").waitFor({ state: "detached" });
        });

        test("the details of a group", async () => {
          await ada.page.evaluate(() => {
            location.hash = "#/";
          });
          await ada.chatItem("A group with a rather long name that has to be cut somewhere").click();
          await ada.page.getByRole("button", { name: /: details/ }).click();
          await ada.page.getByRole("dialog").getByText("Ada Lovelace (you)").waitFor();
          await look("details");
          await ada.page.keyboard.press("Escape");
        });

        test("the list of chats and the dialogs", async () => {
          await ada.page.evaluate(() => {
            location.hash = "#/";
          });
          await ada.page.getByRole("button", { name: "New group" }).waitFor();
          await look("list");
          await ada.page.getByRole("button", { name: "New group" }).click();
          await ada.page.getByRole("dialog").getByLabel("Add by phone number").fill("123");
          await ada.page.getByRole("button", { name: "Create group" }).click();
          await ada.page.getByText("Begin with +").waitFor();
          await look("new-group");
          await ada.page.keyboard.press("Escape");
        });

        test("signing in", async () => {
          const guest = await ChatPage.open(browser(), server.url, "Guest", {
            viewport,
            colorScheme: scheme,
          });
          await guest.page.screenshot({ path: join(directory, `${size}-${scheme}-phone.png`) });
          await guest.page.getByLabel("Phone number").fill(guest.phoneNumber);
          await guest.page.getByRole("button", { name: "Send code" }).click();
          await guest.page.getByRole("button", { name: "Show the code" }).waitFor();
          await guest.page.screenshot({ path: join(directory, `${size}-${scheme}-code.png`) });
          expect(await paleTexts(guest.page)).toEqual([]);
          expect(await nameless(guest.page)).toEqual([]);
          await guest.page.goto(`${server.url}/dev/sms`);
          await guest.page.getByText(guest.phoneNumber).waitFor();
          await guest.page.screenshot({ path: join(directory, `${size}-${scheme}-inbox.png`) });
          expect(await paleTexts(guest.page)).toEqual([]);
          expect(await overflowing(guest.page)).toEqual([]);
          await guest.close();
        });
      });
    }
  }

  test("the scheme can be chosen and stays chosen", async () => {
    await ada.page.emulateMedia({ colorScheme: "light" });
    await ada.page.setViewportSize(wide);
    const ground = (): Promise<string> =>
      ada.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await ada.page.getByRole("button", { name: "Colours: as the system" }).click();
    expect(await ground()).toBe(light);
    await ada.page.getByRole("button", { name: "Colours: light" }).click();
    const dark = await ground();
    expect(dark).not.toBe(light);
    await ada.page.reload();
    await ada.page.getByRole("button", { name: "Colours: dark" }).waitFor();
    expect(await ground()).toBe(dark);
  });

  test("who asked for less motion gets none", async () => {
    await ada.page.emulateMedia({ reducedMotion: "reduce" });
    const moving = await ada.page.evaluate(() =>
      [...document.querySelectorAll("*")]
        .filter((element) => {
          const style = getComputedStyle(element);
          return style.animationName !== "none" || Number.parseFloat(style.transitionDuration) > 0;
        })
        .map((element) => element.className),
    );
    expect(moving).toEqual([]);
  });
});
