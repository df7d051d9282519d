/** Keeps the list of the local SMS inbox up to date, and copies a code at a click. */
import type { SmsMessage } from "../sms-document.ts";

const refreshIntervalMs = 2000;

const list = document.querySelector("#messages");
let shown = "";

async function refresh(): Promise<void> {
  if (document.hidden || list === null) return;
  const response = await fetch("/dev/sms", { headers: { accept: "application/json" } });
  if (!response.ok) return;
  const text = await response.text();
  if (text === shown) return;
  shown = text;
  list.replaceChildren(...(JSON.parse(text) as readonly SmsMessage[]).map(row));
}

function row(message: SmsMessage): HTMLLIElement {
  const item = document.createElement("li");
  item.className = "inbox-row";
  const received = document.createElement("time");
  received.dateTime = message.received_at;
  received.textContent = new Date(message.received_at).toLocaleTimeString();
  item.append(text("span", "inbox-phone", message.phone_number), text("strong", "inbox-code", message.otp));
  item.append(received, copyButton(message));
  return item;
}

function text(tag: string, className: string, content: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = content;
  return element;
}

function copyButton(message: SmsMessage): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-quiet";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy the code for ${message.phone_number}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(message.otp);
    button.textContent = "Copied";
  });
  return button;
}

// A server that is away for a moment is asked again at the next turn.
const refreshQuietly = (): void => void refresh().catch(() => undefined);
refreshQuietly();
setInterval(refreshQuietly, refreshIntervalMs);
document.addEventListener("visibilitychange", refreshQuietly);
