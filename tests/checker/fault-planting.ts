/** How faults are planted: picking a place, changing events, and keeping the rest of the run consistent. */
import type { FinalMessage, FinalStore } from "./final-store.ts";
import type { GeneratedRun } from "./generate-history.ts";
import type { HistoryEvent, HistoryEventKind } from "./history.ts";
import { arrangeHistory } from "./recorded-history.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { ViolationKind } from "./violation.ts";

export interface Fault {
  readonly name: string;
  readonly plant: (run: GeneratedRun, random: SeededRandom) => GeneratedRun | undefined;
  /** All of these and nothing else. */
  readonly caught: readonly ViolationKind[];
  /** May come along, depending on the place. */
  readonly alongside?: readonly ViolationKind[];
}

type EventOf<K extends HistoryEventKind> = Extract<HistoryEvent, { kind: K }>;

export function anyOf<K extends HistoryEventKind>(
  run: GeneratedRun,
  random: SeededRandom,
  kind: K,
  suits: (event: EventOf<K>) => boolean = () => true,
): EventOf<K> | undefined {
  const suitable = run.events.filter(
    (event): event is EventOf<K> => event.kind === kind && suits(event as EventOf<K>),
  );
  return suitable.length === 0 ? undefined : random.pick(suitable);
}

/** The run with one event replaced by others (none: removed). */
export function replace(
  run: GeneratedRun,
  event: HistoryEvent | undefined,
  ...by: HistoryEvent[]
): GeneratedRun | undefined {
  if (event === undefined) return undefined;
  return { ...run, events: run.events.flatMap((other) => (other === event ? by : [other])) };
}

export function changed<E extends HistoryEvent>(
  run: GeneratedRun,
  event: E | undefined,
  by: Partial<E>,
): GeneratedRun | undefined {
  return event === undefined ? undefined : replace(run, event, { ...event, ...by });
}

export function insert(run: GeneratedRun, ...added: HistoryEvent[]): GeneratedRun {
  return { ...run, events: [...run.events, ...added] };
}

export function stored(run: GeneratedRun, by: Partial<FinalStore>): GeneratedRun {
  return { ...run, store: { ...run.store, ...by } };
}

export function swapMessage(run: GeneratedRun, message: FinalMessage, ...by: FinalMessage[]): GeneratedRun {
  return stored(run, { messages: run.store.messages.flatMap((other) => (other === message ? by : [other])) });
}

/** The newest message of some chat, its key and counter taken back: what a lost commit leaves behind. */
export function newestOfSomeChat(run: GeneratedRun, random: SeededRandom): FinalMessage | undefined {
  const newest = run.store.messages.filter(
    (message) =>
      !run.store.messages.some(
        (other) => other.chatId === message.chatId && other.sequence > message.sequence,
      ),
  );
  return newest.length === 0 ? undefined : random.pick(newest);
}

export function takeBack(run: GeneratedRun, message: FinalMessage): FinalStore {
  const { store } = run;
  const isIt = (row: { messageId: string }): boolean => row.messageId === message.messageId;
  return {
    messages: store.messages.filter((row) => !isIt(row)),
    counters: store.counters.map((counter) =>
      counter.chatId === message.chatId
        ? { ...counter, sequence: counter.sequence - 1, publishedSequence: counter.sequence - 1 }
        : counter,
    ),
    idempotencyKeys: store.idempotencyKeys?.filter((row) => !isIt(row)) ?? null,
    watermarks: store.watermarks.map((watermark) =>
      watermark.chatId === message.chatId
        ? { ...watermark, lastAckedSequence: Math.min(watermark.lastAckedSequence, message.sequence - 1) }
        : watermark,
    ),
    memberships: store.memberships,
  };
}

export function endOf(run: GeneratedRun): number {
  return run.events.at(-1)?.atMs ?? 0;
}

/** Two different messages of one chat, far enough apart in time that their order is certain. */
export function twoInOrder(
  run: GeneratedRun,
  random: SeededRandom,
): readonly [FinalMessage, FinalMessage] | undefined {
  const first = random.pick(run.store.messages);
  const second = run.store.messages.find(
    (other) => other.chatId === first.chatId && other.sequence === first.sequence + 8,
  );
  return second === undefined ? undefined : [first, second];
}

/** A page, its request and its place. */
export function answeredSync(
  run: GeneratedRun,
  random: SeededRandom,
  suits: (page: EventOf<"page_received">) => boolean,
) {
  const page = anyOf(run, random, "page_received", suits);
  const asked = run.events.find(
    (event) => event.kind === "sync_started" && event.requestId === page?.requestId,
  );
  return page === undefined || asked?.kind !== "sync_started" ? undefined : { page, asked };
}

export function userOf(run: GeneratedRun, client: string): string {
  const started = run.events.find((event) => event.kind === "client_started" && event.client === client);
  return started?.kind === "client_started" ? started.userId : "";
}

/** A send by somebody who was never a member, over an open connection of its own, and the message it would become. */
export function strangersSend(run: GeneratedRun, random: SeededRandom) {
  const counter = random.pick(run.store.counters.filter((row) => row.sequence > 0));
  const open = [...arrangeHistory(run.events, run.store).connections].find(
    ([, { client, closedAtMs }]) =>
      closedAtMs === Infinity &&
      !run.events.some(
        (event) =>
          event.kind === "membership_changed" &&
          event.chatId === counter.chatId &&
          event.userId === userOf(run, client),
      ),
  );
  if (open === undefined) return undefined;
  const [connectionId, { client }] = open;
  const on = { client, connectionId };
  const clientMessageId = random.uuid();
  const sent = {
    kind: "send_started" as const,
    atMs: endOf(run),
    ...on,
    requestId: "req_stranger",
    chatId: counter.chatId,
    clientMessageId,
    content: "let me in",
    attempt: 0,
  };
  const message: FinalMessage = {
    chatId: counter.chatId,
    sequence: counter.sequence + 1,
    messageId: "msg_stranger",
    clientMessageId,
    senderId: userOf(run, client),
    content: "let me in",
    createdAt: "2026-01-31T10:00:00.000Z",
  };
  return { on, sent, message };
}

/** Adds a message with its key, and moves the counter. */
export function addMessage(run: GeneratedRun, message: FinalMessage): GeneratedRun {
  const { chatId, sequence, messageId, clientMessageId } = message;
  const key = { chatId, clientMessageId: clientMessageId ?? "", messageId, sequence };
  return stored(run, {
    messages: [...run.store.messages, message],
    counters: run.store.counters.map((row) => (row.chatId === chatId ? { ...row, sequence } : row)),
    idempotencyKeys: [...(run.store.idempotencyKeys ?? []), key],
  });
}

/** Exchanges the numbers of two messages for everybody, in the store and in every observation. */
export function crossed(run: GeneratedRun, one: FinalMessage, two: FinalMessage): GeneratedRun {
  const numbers = new Map([
    [one.messageId, two.sequence],
    [two.messageId, one.sequence],
  ]);
  const renumber = <M extends { messageId: string; sequence: number }>(row: M): M => ({
    ...row,
    sequence: numbers.get(row.messageId) ?? row.sequence,
  });
  // Pages, pushes and timelines are left out where they would show the exchange by other rules first.
  const touches = (event: HistoryEvent): boolean => {
    if (event.kind === "message_pushed" || event.kind === "timeline_delivered")
      return numbers.has(event.message.messageId);
    if (event.kind === "page_received" || event.kind === "history_read") return event.chatId === one.chatId;
    if (event.kind === "watermark_sent") return event.chatId === one.chatId;
    if (event.kind === "timeline_shown" || event.kind === "watermark_read")
      return event.chatId === one.chatId;
    return event.kind === "settled";
  };
  const events = run.events
    .filter((event) => !touches(event))
    .map((event) => (event.kind === "ack_received" ? renumber(event) : event));
  return {
    events,
    store: {
      ...run.store,
      messages: run.store.messages.map(renumber),
      idempotencyKeys: run.store.idempotencyKeys?.map(renumber) ?? null,
      watermarks: run.store.watermarks.filter((row) => row.chatId !== one.chatId),
    },
  };
}
