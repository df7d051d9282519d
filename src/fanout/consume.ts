/**
 * The fan-out loop: polls, handles a batch, remembers its offsets, commits them every 200 ms. A record counts
 * as handled when its deliveries were attempted; nothing below a committed offset is unhandled.
 */
import { sleep } from "../shared/domain/clock.ts";
import { toTriplaneError } from "../shared/domain/errors.ts";
import type { ChatId } from "../shared/domain/ids.ts";
import { checkEvent, decodeEvent, type Event, type MessagePersisted } from "../shared/events/envelope.ts";
import { ParseError, SchemaViolationError, UnknownEventTypeError } from "../shared/events/event-errors.ts";
import type { EventLogConsumer, LogRecord } from "../shared/stores/event-log.ts";
import { deadLetterOf } from "./dead-letters.ts";
import { Dispatcher } from "./dispatch.ts";
import type { FanoutDeps } from "./fanout-deps.ts";
import { HandledOffsets } from "./handled-offsets.ts";

export class FanoutConsumer {
  readonly #deps: FanoutDeps;
  readonly #dispatcher: Dispatcher;
  readonly #offsets = new HandledOffsets();
  #consumer: EventLogConsumer | undefined;
  #closing = false;
  #running: Promise<void> = Promise.resolve();
  #commitPending = false;

  constructor(deps: FanoutDeps) {
    this.#deps = deps;
    this.#dispatcher = new Dispatcher(deps);
  }

  /** Joins the group and starts polling. */
  async start(): Promise<void> {
    const { log, settings } = this.#deps;
    this.#consumer = await log.consumer(
      settings.consumerGroup,
      // Changes of members first, so that the messages of the same poll already see them.
      ["memberships.changed", "messages.persisted"],
      () => this.#commitNow(),
    );
    this.#running = this.#run(this.#consumer);
  }

  /** Finishes the batch in hand, commits, leaves the group; waits for at most one poll. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#running;
    await this.#consumer?.close();
  }

  async #run(consumer: EventLogConsumer): Promise<void> {
    const { logger, clock, settings } = this.#deps;
    let failures = 0;
    while (!this.#closing) {
      try {
        const records = await consumer.poll(settings.pollRecordsMax, settings.pollWaitMs);
        if (records.length > 0) {
          await this.#handle(records);
          this.#commitSoon();
        }
        failures = 0;
      } catch (error) {
        // The log or its dead letters cannot be reached: nothing was committed past what is handled.
        failures++;
        logger.error("fanout_batch_failed", { error, failures });
        await sleep(clock, Math.min(100 * 2 ** failures, 5000));
      }
    }
    await this.#commitNow();
  }

  /** Handles a batch in order; on a failure of the log every partition is read again from its first unhandled record. */
  async #handle(records: readonly LogRecord[]): Promise<void> {
    const handled = new Set<LogRecord>();
    const onHandled = (record: LogRecord): void => {
      handled.add(record);
      this.#offsets.handled(record);
    };
    try {
      await this.#handleInOrder(records, onHandled);
    } catch (error) {
      this.#rewind(records.filter((record) => !handled.has(record)));
      throw error;
    }
  }

  async #handleInOrder(records: readonly LogRecord[], onHandled: (record: LogRecord) => void): Promise<void> {
    let messages: { record: LogRecord; event: MessagePersisted }[] = [];
    const flush = async (): Promise<void> => {
      const batch = messages;
      messages = [];
      if (batch.length > 0) await this.#dispatch(batch, onHandled);
    };
    for (const record of records) {
      try {
        const event = this.#decode(record);
        if (event === undefined) {
          await flush();
        } else if (event.event_type === "MessagePersisted") {
          messages.push({ record, event });
          continue;
        } else if (event.event_type === "MembershipChanged") {
          // Before the messages behind it, so that they already see the change.
          await flush();
          await this.#invalidate(event.partition_key as ChatId);
        }
        onHandled(record);
      } catch (error) {
        if (!isPermanent(error)) throw error;
        await flush();
        await this.#bury(record, error, 1);
        onHandled(record);
      }
    }
    await flush();
  }

  #decode(record: LogRecord): Event | undefined {
    return record.event === undefined
      ? decodeEvent(record.value(), record.key)
      : checkedOnce(record.event, record.key);
  }

  /** A batch that crashes is handled record by record; a record that keeps crashing is buried. */
  async #dispatch(
    batch: readonly { record: LogRecord; event: MessagePersisted }[],
    onHandled: (record: LogRecord) => void,
  ): Promise<void> {
    try {
      await this.#dispatcher.dispatch(batch.map(({ event }) => event));
    } catch (error) {
      this.#deps.logger.warn("fanout_batch_crashed", { error, count: batch.length });
      for (const { record, event } of batch) {
        await this.#dispatchAlone(record, event);
        onHandled(record);
      }
      return;
    }
    for (const { record } of batch) onHandled(record);
  }

  async #dispatchAlone(record: LogRecord, event: MessagePersisted): Promise<void> {
    const { attemptsMax } = this.#deps.settings;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#dispatcher.dispatch([event]);
        return;
      } catch (error) {
        if (attempt < attemptsMax) continue;
        await this.#bury(record, error, attempt);
        return;
      }
    }
  }

  async #invalidate(chatId: ChatId): Promise<void> {
    try {
      await this.#deps.members.invalidate(chatId);
    } catch (error) {
      this.#deps.logger.warn("member_cache_invalidation_failed", { chat_id: chatId, error });
    }
  }

  /** The dead letter is durable before its record counts as handled. */
  async #bury(record: LogRecord, error: unknown, attempts: number): Promise<void> {
    const { clock, log, logger, settings } = this.#deps;
    const letter = deadLetterOf(record, {
      consumerGroup: settings.consumerGroup,
      consumerId: settings.consumerId,
      nowMs: clock.nowMs(),
      attempts,
      error,
    });
    await log.append([letter]);
    logger.error("dead_letter", { topic: record.topic, offset: record.offset, attempts, error });
  }

  /** @param unhandled in the order read: each partition's first comes first */
  #rewind(unhandled: readonly LogRecord[]): void {
    const seen = new Set<string>();
    for (const { topic, partition, offset } of unhandled) {
      const key = `${topic}/${partition}`;
      if (seen.has(key)) continue;
      seen.add(key);
      this.#consumer?.seek(topic, partition, offset);
    }
  }

  #commitSoon(): void {
    if (this.#commitPending) return;
    this.#commitPending = true;
    this.#deps.clock.setTimer(this.#deps.settings.commitIntervalMs, () => {
      this.#commitPending = false;
      if (!this.#closing) void this.#commitNow();
    });
  }

  async #commitNow(): Promise<void> {
    const positions = this.#offsets.take();
    if (positions.length === 0) return;
    try {
      await this.#consumer?.commit(positions);
    } catch (error) {
      this.#offsets.putBack(positions);
      this.#deps.logger.warn("offset_commit_failed", { code: toTriplaneError(error).code, error });
    }
  }
}

/** What the log stores typed was checked when it was written. */
function checkedOnce(event: unknown, key: string | null): Event {
  return typeof event === "object" && event !== null && "event_type" in event
    ? (event as Event)
    : checkEvent(event, key);
}

function isPermanent(error: unknown): boolean {
  return (
    error instanceof ParseError ||
    error instanceof SchemaViolationError ||
    error instanceof UnknownEventTypeError
  );
}
