/** G-16, no_silent_message_loss: every request is answered in time, unless its connection dies first. */
import type { CheckOptions } from "./check-options.ts";
import type { RecordedHistory } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkAnswered(recorded: RecordedHistory, options: CheckOptions): Generator<Violation> {
  for (const { request, answers } of recorded.exchanges.values()) {
    if (answers.length > 0) continue;
    const connection = recorded.connections.get(request.connectionId);
    const observedUntilMs = Math.min(connection?.closedAtMs ?? Infinity, recorded.endAtMs);
    const waitedMs = observedUntilMs - request.atMs;
    if (waitedMs <= options.answerTimeoutMs) continue;
    yield violation(
      "request_unanswered",
      `${request.kind} ${request.requestId} got no answer in ${Math.round(waitedMs)} ms, limit ${options.answerTimeoutMs}`,
      request,
    );
  }
}
