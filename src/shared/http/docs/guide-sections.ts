/** The parts of the documentation page that no route says: how to begin, what all answers share, the socket. */
import { closeReasons } from "../../protocol/close-codes.ts";
import { socketErrorCodes } from "../../protocol/error-codes.ts";
import { httpErrors } from "../error-edge.ts";
import { errorMeanings } from "../openapi/error-responses.ts";
import { type Html, html } from "./html.ts";

export interface GuideSection {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

const firstSteps = `BASE=http://127.0.0.1:8080
DEVICE=$(uuidgen)

# 1. Ask for a one-time code. A local server shows it at /dev/sms.
curl -s $BASE/api/v1/auth/request-otp -H 'content-type: application/json' \\
  -d '{"phone_number":"+14155550100"}'

# 2. Exchange it for tokens.
curl -s $BASE/api/v1/auth/verify-otp -H 'content-type: application/json' -H "x-device-id: $DEVICE" \\
  -d '{"phone_number":"+14155550100","otp":"123456","device_id":"'$DEVICE'"}'

# 3. Open a chat with somebody, and read its history.
curl -s $BASE/api/v1/chats -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
  -H "idempotency-key: $(uuidgen)" -d '{"type":"direct","member_ids":["user_…"]}'
curl -s "$BASE/api/v1/chats/$CHAT/messages" -H "authorization: Bearer $TOKEN"`;

const refusal = {
  error: {
    code: "VALIDATION_ERROR",
    message: "The request is not valid",
    details: { field_errors: [{ field: "name", code: "REQUIRED", message: "A group needs a name" }] },
    request_id: "550e8400-e29b-41d4-a716-446655440000",
  },
};

const send = {
  type: "send_message",
  request_id: "r1",
  payload: {
    client_message_id: "550e8400-e29b-41d4-a716-446655440000",
    chat_id: "chat_01HQX7Z9Y8K4M3N2P1Q0R5S6T7",
    content: "See you at three",
  },
};

const acknowledged = {
  type: "send_message_ack",
  request_id: "r1",
  timestamp: "2026-01-31T10:30:00.000Z",
  payload: {
    client_message_id: "550e8400-e29b-41d4-a716-446655440000",
    message_id: "msg_01HQX7Z9Y8K4M3N2P1Q0R5S6T7",
    chat_id: "chat_01HQX7Z9Y8K4M3N2P1Q0R5S6T7",
    sequence: 47,
    created_at: "2026-01-31T10:30:00.000Z",
  },
};

const frames: readonly (readonly [string, string])[] = [
  [
    "→ send_message",
    "Answered by send_message_ack once the message is durable, or by error. Repeat it with the same client_message_id until it is.",
  ],
  ["→ sync_request", "Asks for what follows a sequence; answered by sync_response. Repeat while has_more."],
  ["→ ack", "Everything up to a sequence has arrived. Never answered."],
  ["→ heartbeat", "At the interval that connection_established names; answered by heartbeat_ack."],
  ["→ typing_start, typing_stop", "Passed on to the members who are there, stored nowhere."],
  ["← connection_established", "The first frame of every connection."],
  [
    "← message",
    "A push: best effort, possibly repeated. A hole in the sequence means that one was missed: sync.",
  ],
  ["← error", "A refusal, with the request_id that it answers where there is one."],
  ["← connection_closing", "Why the server is about to close, and whether to come back."],
];

export const guideSections: readonly GuideSection[] = [
  {
    id: "start",
    title: "Start here",
    body: html`<pre tabindex="0">${firstSteps}</pre>
<p>Messages are sent over the <a href="#socket">WebSocket</a>; REST manages accounts, chats and members and reads history.
The same operations answer <a href="https://connectrpc.com">Connect</a> RPC under <code>/messaging.v1.ChatMgmtService/</code>.</p>`,
  },
  {
    id: "answers",
    title: "What all answers share",
    body: html`<p>A success is <code>{"data": …}</code>, a page <code>{"data": […], "pagination": …}</code>: follow <code>next_cursor</code> while <code>has_more</code> is true.
Times are UTC with milliseconds, sequences whole numbers, names snake_case; what is absent is null.</p>
<p>Every answer carries <code>X-Request-ID</code> (yours, when it is a UUID) and <code>X-RateLimit-Limit</code>, <code>-Remaining</code>, <code>-Reset</code>; a 429 also <code>Retry-After</code>.</p>
<h3>Refusals</h3><pre tabindex="0">${JSON.stringify(refusal, null, 2)}</pre>
<p>Act on <code>code</code>, not on the text. Repeat after 401 <code>UNAUTHORIZED</code> with a refreshed token, after 429 when <code>Retry-After</code> says so, after 5xx with growing pauses; nothing else.</p>
<details><summary>All codes</summary><div class="wide" tabindex="0"><table><tbody>${errorRows()}</tbody></table></div></details>`,
  },
  {
    id: "socket",
    title: "WebSocket",
    body: html`<p><code>GET /ws/v1?device_id=…</code> with <code>Authorization: Bearer …</code> (browsers: <code>token</code> in the query). Each frame is one JSON object in a text message.</p>
<pre tabindex="0">→ ${JSON.stringify(send)}
← ${JSON.stringify(acknowledged)}</pre>
<div class="wide" tabindex="0"><table><thead><tr><th>Frame</th><th>Meaning</th></tr></thead><tbody>
${frames.map(([name, text]) => html`<tr><td><code>${name}</code></td><td>${text}</td></tr>`)}</tbody></table></div>
<h3>Order and loss</h3><p>Sequences of a chat are 1, 2, 3, … without holes, in the order of commits. An acknowledged message is never lost, and a repeated
<code>client_message_id</code> is answered with the original. After a reconnect: sync from the last sequence that you have.</p>
<h3>Refusals</h3><div class="wide" tabindex="0"><table><thead><tr><th>Code</th><th>Repeat</th></tr></thead><tbody>
${Object.entries(socketErrorCodes).map(([code, { retry }]) => html`<tr><td><code>${code}</code></td><td>${retry.replaceAll("_", " ")}</td></tr>`)}</tbody></table></div>
<h3>Closing</h3><div class="wide" tabindex="0"><table><thead><tr><th>Reason</th><th>Code</th><th>Come back</th><th>Meaning</th></tr></thead><tbody>
${Object.entries(closeReasons).map(([reason, { code, reconnectAllowed, message }]) => html`<tr><td><code>${reason}</code></td><td>${code}</td><td>${reconnectAllowed ? "yes" : "no"}</td><td>${message}</td></tr>`)}</tbody></table></div>`,
  },
];

function errorRows(): readonly Html[] {
  return Object.entries(errorMeanings)
    .map(([code, meaning]) => ({ code, meaning, status: httpErrors[code as keyof typeof httpErrors].status }))
    .sort((a, b) => a.status - b.status)
    .map(
      ({ code, meaning, status }) =>
        html`<tr><td>${status} <code>${code}</code></td><td>${meaning}</td></tr>`,
    );
}
