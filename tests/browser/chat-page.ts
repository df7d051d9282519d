/** One person at the chat page, acting as people do: by labels, roles and keys. */
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";

export const wide = { width: 1280, height: 800 } as const;
export const phone = { width: 390, height: 844 } as const;

let numbersGiven = 0;

/** A number that no other test of this run uses. */
export function newNumber(): string {
  return `+1415555${String(1000 + numbersGiven++)}`;
}

export class ChatPage {
  readonly page: Page;
  readonly phoneNumber: string;
  readonly name: string;
  /** Errors of the page and of its policy, as the browser's console has them. */
  readonly problems: string[] = [];
  /** Every socket that the page has opened. */
  readonly sockets: string[] = [];

  private constructor(page: Page, phoneNumber: string, name: string) {
    this.page = page;
    this.phoneNumber = phoneNumber;
    this.name = name;
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("websocket", (socket) => this.sockets.push(socket.url()));
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(message.text());
    });
  }

  /** A browser profile of its own, nobody signed in. */
  static async open(
    browser: Browser,
    url: string,
    name: string,
    options: BrowserContextOptions = {},
  ): Promise<ChatPage> {
    const context = await browser.newContext({ viewport: wide, locale: "en-GB", ...options });
    context.setDefaultTimeout(20_000);
    const page = new ChatPage(await context.newPage(), newNumber(), name);
    await page.page.goto(url);
    return page;
  }

  static async signedIn(
    browser: Browser,
    url: string,
    name: string,
    options: BrowserContextOptions = {},
  ): Promise<ChatPage> {
    const page = await ChatPage.open(browser, url, name, options);
    await page.signIn();
    return page;
  }

  /** In the same profile, at the same address. */
  async anotherTab(): Promise<ChatPage> {
    const tab = new ChatPage(await this.page.context().newPage(), this.phoneNumber, this.name);
    await tab.page.goto(this.page.url());
    return tab;
  }

  async signIn(): Promise<void> {
    const { page } = this;
    await page.getByLabel("Phone number").fill(this.phoneNumber);
    await page.getByRole("button", { name: "Send code" }).click();
    await page.getByRole("button", { name: "Show the code" }).click();
    await page.waitForFunction(() => document.querySelector("input")?.value.length === 6);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel("Your name").fill(this.name);
    await page.getByRole("button", { name: "Continue" }).click();
    await this.waitForLink("Connected");
  }

  async waitForLink(text: string): Promise<void> {
    await this.page.getByTestId("connection").getByText(text, { exact: true }).waitFor();
  }

  async startChat(phoneNumber: string): Promise<void> {
    const { page } = this;
    await page.getByRole("button", { name: "New chat" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Phone number").fill(phoneNumber);
    await dialog.getByRole("button", { name: "Start chat" }).click();
    await dialog.waitFor({ state: "detached" });
    await this.composer.waitFor();
  }

  async startGroup(name: string, phoneNumbers: readonly string[]): Promise<void> {
    const { page } = this;
    await page.getByRole("button", { name: "New group" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Group name").fill(name);
    for (const phoneNumber of phoneNumbers) {
      await dialog.getByLabel("Add by phone number").fill(phoneNumber);
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
    }
    await dialog.getByRole("button", { name: "Create group" }).click();
    await this.composerOf(name).waitFor();
  }

  /** Opens the chat from the list, as soon as it is there. */
  async openChat(title: string): Promise<void> {
    await this.chatItem(title).click();
    await this.composerOf(title).waitFor();
  }

  chatItem(title: string): Locator {
    return this.page.locator(".chat-item").filter({
      has: this.page.locator(".chat-item-title").getByText(title, { exact: true }),
    });
  }

  get composer(): Locator {
    return this.page.getByRole("textbox", { name: /^Message to/ });
  }

  composerOf(title: string): Locator {
    return this.page.getByRole("textbox", { name: `Message to ${title}`, exact: true });
  }

  async write(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press("Enter");
  }

  /** The row with exactly this text. */
  message(text: string): Locator {
    return this.page.locator(".message").filter({
      has: this.page.locator(".text").getByText(text, { exact: true }),
    });
  }

  /** Sequence and text of all stored messages on screen. */
  async messages(): Promise<readonly { readonly sequence: number; readonly text: string }[]> {
    return this.page.locator(".message[data-sequence]").evaluateAll((rows) =>
      rows.map((row) => ({
        sequence: Number(row.getAttribute("data-sequence")),
        text: row.querySelector(".text")?.textContent ?? "",
      })),
    );
  }

  async waitForMark(text: string, label: "Sending" | "Sent" | "Delivered"): Promise<void> {
    await this.message(text)
      .locator(".mark")
      .getByText(label, { exact: true })
      .waitFor({ state: "attached" });
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
