/** What a history can break. One kind per way of breaking a promise; the text says the promise, not the breach. */
export const promises = {
  acked_message_lost: "an acknowledged message is stored for ever (G-05, G-06, I-07, I-33)",
  stored_twice: "one client message id in a chat is stored at most once (G-04, I-02)",
  message_id_reused: "a message id names one message (G-02)",
  answers_differ: "every answer to one client message id is the same (G-04, I-02)",
  key_disagrees: "a key and its message agree on sequence and message id (I-32)",
  key_missing: "every message of the last seven days has its key (I-32)",
  sequence_repeated: "a sequence names one message of its chat (G-02, I-27)",
  sequence_hole: "1 to the highest sequence are all stored (G-10, I-47)",
  sequence_invalid: "sequences are integers from 1 to 2^53-1 (I-34)",
  counter_missing: "every chat with messages has a counter (I-26)",
  counter_wrong: "counter = highest stored sequence = number of messages (I-29, I-30, I-31)",
  published_ahead: "nothing counts as published that is not stored (I-48)",
  observed_differs: "everybody sees the stored message at its sequence, field by field (G-01)",
  observed_not_stored: "nobody sees a message that is not stored (G-15, I-08)",
  page_unordered: "a page is strictly monotonic (sync_returns_ordered)",
  page_outside_range: "a page holds only what was asked for (G-09)",
  page_hole: "a page has no hole (G-09, I-47)",
  page_too_long: "a page is at most as long as asked, never above 500 (W-12)",
  page_next_wrong: "next_sequence is there exactly if there is more, and is last + 1 (G-09)",
  own_write_unread: "a read after the ack contains one's own message (G-07)",
  ack_before_commit: "a read that starts after an ack sees its message (I-07, G-05)",
  read_went_backwards: "a read sees everything that anybody saw before it started (I-21)",
  client_incomplete: "after the final sync a client holds every stored message (I-03, G-08)",
  timeline_incomplete: "after the final sync the application shows every stored message (I-03, G-08)",
  commit_order: "what is sent after another message was seen gets a higher sequence (I-01)",
  connection_order: "one connection's sends to a chat are numbered in their order (W-17)",
  watermark_fell: "a watermark never falls (G-11, I-24)",
  watermark_above_counter: "a watermark is at most the counter (I-04)",
  watermark_invented: "a watermark was acknowledged by a device of its user (G-11)",
  client_ack_fell: "a client's acknowledgements never fall (AK-01)",
  client_ack_ahead: "a client acknowledges only what it holds without a hole (AK-03, W-19)",
  before_established: "connection_established is the first frame (connection_established_required)",
  unasked_answer: "an answer's request id was asked on its connection (request_response_correlation)",
  answered_twice: "a request is answered once (request_response_correlation)",
  answer_mismatched: "an answer fits its request (send_ack_matches_request)",
  push_has_request_id: "what the server starts has no request id (server_push_no_request_id)",
  request_id_reused: "a client makes a new request id for every transmission (MS-03)",
  error_code_unknown: "only documented error codes are sent (error_code_is_documented)",
  request_unanswered: "every request is answered unless its connection dies (G-16, no_silent_message_loss)",
  push_order: "first deliveries of a chat on one connection ascend",
  push_echoed: "a message is not pushed to the connection that sent it (W-14)",
  timeline_unsorted: "an application shows a chat in strictly ascending order (MR-01)",
  timeline_lost: "a timeline never loses what it showed",
  timeline_backwards: "a client that delivers in order never goes backwards",
  timeline_repeated: "a message is handed to the application once (MR-02, G-03)",
  push_to_outsider: "a former member gets no pushes beyond the grace (I-13)",
  read_by_outsider: "only members read (G-12)",
  stored_for_outsider: "only members write (G-12)",
  member_refused: "a member is not refused as a stranger",
  rejected_stored: "a rejected send leaves no trace (G-13, I-44)",
  content_altered: "the stored content is what was sent",
  sender_wrong: "the stored sender is who sent it",
  message_invented: "every stored message was sent by somebody",
} as const;

export type ViolationKind = keyof typeof promises;

export interface Violation {
  readonly kind: ViolationKind;
  /** One sentence with the values. */
  readonly detail: string;
  /** The events and rows that prove it. */
  readonly evidence: readonly unknown[];
}

export function violation(kind: ViolationKind, detail: string, ...evidence: readonly unknown[]): Violation {
  return { kind, detail, evidence };
}
