import { document } from "./document.ts";
import { escapeHtml } from "./escape-html.ts";
import type { PageEntries } from "./page-assets.ts";

/** One message of the local inbox, as its JSON list has it. */
export interface SmsMessage {
  readonly phone_number: string;
  readonly otp: string;
  readonly received_at: string;
  readonly expires_at: string;
}

/** The messages that would have gone to phones, for one machine only. */
export interface SmsInbox {
  /** Newest first. */
  list(): readonly SmsMessage[];
}

/** The local SMS inbox: readable without its script, which only keeps the list up to date. */
export function smsDocument(entries: PageEntries, messages: readonly SmsMessage[]): string {
  return document(entries, {
    title: "Local SMS inbox",
    script: entries.smsScript,
    body: `<main class="inbox">
<h1>Local SMS inbox</h1>
<p class="inbox-hint">Login codes that would have gone out by SMS. This page exists only on a local server.</p>
<ol class="inbox-list" id="messages" aria-live="polite">${messages.map(smsRow).join("")}</ol>
<p class="inbox-empty">No code yet. <a href="/">Sign in</a> with any number, such as +1 415 555 0100.</p>
</main>`,
  });
}

function smsRow(message: SmsMessage): string {
  return `<li class="inbox-row"><span class="inbox-phone">${escapeHtml(message.phone_number)}</span>
<strong class="inbox-code">${escapeHtml(message.otp)}</strong>
<time datetime="${escapeHtml(message.received_at)}">${escapeHtml(message.received_at.slice(11, 19))} UTC</time></li>`;
}
