/**
 * Goal: the whole page is usable without a mouse.
 * Method: from signing in to talking, only keys; after each step the focus must be where one expects it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ChatPage } from "./chat-page.ts";
import { describeInBrowser } from "./chromium.ts";
import { TestServer } from "./server.ts";

describeInBrowser("the chat page by keyboard alone", (browser) => {
  let server: TestServer;
  let bob: ChatPage;
  let cleo: ChatPage;

  beforeAll(async () => {
    server = await TestServer.start();
    [bob, cleo] = await Promise.all([
      ChatPage.signedIn(browser(), server.url, "Bob"),
      ChatPage.signedIn(browser(), server.url, "Cleo"),
    ]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([bob?.close(), cleo?.close()]);
    await server?.stop();
  });

  test("one signs in, starts chats, moves through them, writes and leaves", async () => {
    const ada = await ChatPage.open(browser(), server.url, "Ada");
    const { keyboard } = ada.page;

    // Signing in: each step puts the focus into its field.
    await expectFocus(ada, "Phone number");
    await keyboard.type(ada.phoneNumber);
    await keyboard.press("Enter");
    await ada.page.getByRole("button", { name: "Show the code" }).waitFor();
    await expectFocus(ada, "Code");
    await tabTo(ada, "Show the code");
    await keyboard.press("Enter");
    await ada.page.waitForFunction(() => document.querySelector("input")?.value.length === 6);
    await expectFocus(ada, "Code");
    await keyboard.press("Enter");
    await ada.page.getByLabel("Your name").waitFor();
    await expectFocus(ada, "Your name");
    await keyboard.type("Ada");
    await keyboard.press("Enter");
    await ada.waitForLink("Connected");

    // Two chats.
    for (const other of [bob, cleo]) {
      await tabTo(ada, "New chat");
      await keyboard.press("Enter");
      await expectFocus(ada, "Phone number");
      await keyboard.type(other.phoneNumber);
      await keyboard.press("Enter");
      await ada.composerOf(other.name).waitFor();
      await expectFocus(ada, `Message to ${other.name}`);
      await keyboard.type(`Hello ${other.name}`);
      await keyboard.press("Shift+Enter");
      await keyboard.type("second line");
      await keyboard.press("Enter");
      await ada.message(`Hello ${other.name}\nsecond line`).waitFor();
      await ada.waitForMark(`Hello ${other.name}\nsecond line`, "Sent");
    }

    // Escape goes back to the list, arrows move in it, Enter opens.
    await keyboard.press("Escape");
    await ada.page.getByText("Choose a chat").waitFor();
    expect(await focusedText(ada)).toContain("Cleo");
    await keyboard.press("ArrowDown");
    expect(await focusedText(ada)).toContain("Bob");
    await keyboard.press("Home");
    expect(await focusedText(ada)).toContain("Cleo");
    await keyboard.press("End");
    expect(await focusedText(ada)).toContain("Bob");
    await keyboard.press("Enter");
    await ada.message("Hello Bob\nsecond line").waitFor();
    await expectFocus(ada, "Message to Bob");

    // A dialog keeps the focus and gives it back.
    await tabTo(ada, "New group", "Shift+Tab");
    await keyboard.press("Enter");
    await ada.page.getByRole("dialog", { name: "New group" }).waitFor();
    await expectFocus(ada, "Group name");
    for (let step = 0; step < 12; step++) {
      await keyboard.press("Tab");
      expect(await focusIsInDialogOrBrowser(ada)).toBe(true);
    }
    await keyboard.press("Escape");
    await ada.page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await focusedText(ada)).toContain("New group");

    expect(ada.problems).toEqual([]);
    await ada.close();
  });

  test("whatever has the focus shows it", async () => {
    const unmarked: string[] = [];
    for (let step = 0; step < 12; step++) {
      await bob.page.keyboard.press("Tab");
      const found = await bob.page.evaluate(() => {
        const element = document.activeElement;
        if (element === null || element === document.body) return undefined;
        const style = getComputedStyle(element);
        const isMarked = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
        return isMarked ? undefined : element.outerHTML.slice(0, 120);
      });
      if (found !== undefined) unmarked.push(found);
    }
    expect(unmarked).toEqual([]);
  });
});

/** The accessible name of what has the focus is, within a moment, this one. */
async function expectFocus(person: ChatPage, label: string): Promise<void> {
  await person.page.waitForFunction((expected) => {
    const element = document.activeElement;
    const labels = element instanceof HTMLInputElement ? [...(element.labels ?? [])] : [];
    const name = element?.getAttribute("aria-label") ?? labels.map((part) => part.textContent).join(" ");
    return name === expected;
  }, label);
}

/** Presses Tab until the element with this text has the focus. */
async function tabTo(person: ChatPage, text: string, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  for (let step = 0; step < 30; step++) {
    if ((await focusedText(person)).includes(text)) return;
    await person.page.keyboard.press(key);
  }
  throw new Error(`30 times ${key} did not lead to "${text}"`);
}

function focusedText(person: ChatPage): Promise<string> {
  return person.page.evaluate(() => {
    const element = document.activeElement;
    return element === document.body ? "" : (element?.textContent ?? "");
  });
}

/** Tab may leave the page for the browser's own controls, but never for what is behind the dialog. */
function focusIsInDialogOrBrowser(person: ChatPage): Promise<boolean> {
  return person.page.evaluate(() => {
    const element = document.activeElement;
    return element === null || element === document.body || element.closest("dialog") !== null;
  });
}
