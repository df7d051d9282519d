/** What is stored is what somebody sent: the content after the server's pipeline, the sender, and nothing else. */
import type { CheckOptions } from "./check-options.ts";
import type { RecordedHistory } from "./recorded-history.ts";
import { sendKey } from "./stored-chats.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkContent(recorded: RecordedHistory, options: CheckOptions): Generator<Violation> {
  for (const message of recorded.store.messages) {
    if (message.sequence <= (recorded.baselines.get(message.chatId) ?? 0)) continue;
    if (message.clientMessageId === null) continue;
    const place = `${message.chatId}#${message.sequence}`;
    const send = recorded.sends.get(sendKey(message.chatId, message.clientMessageId));
    if (send === undefined) {
      yield violation("message_invented", `${place}: nobody sent ${message.clientMessageId}`, message);
      continue;
    }
    const requests = send.exchanges.map((exchange) => exchange.request);
    const senders = requests.map((request) => recorded.clients.get(request.client)?.userId);
    if (!senders.includes(message.senderId)) {
      yield violation("sender_wrong", `${place} by ${message.senderId}, sent by ${senders[0]}`, message);
    }
    // With an id reused for other content the first one stays, whichever arrived first.
    const sent = requests.some(
      (request) => request.kind === "send_started" && options.sanitize(request.content) === message.content,
    );
    if (!sent) yield violation("content_altered", place, message, ...requests);
  }
}
