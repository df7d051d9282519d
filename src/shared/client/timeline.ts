import type { MessagePayload } from "../protocol/frames.ts";

/** What one merge changed. */
export interface TimelineChange {
  /** Messages that were not known before, ascending. */
  readonly added: readonly MessagePayload[];
  /** Messages that joined the gapless part, ascending and dense from the old cursor on. */
  readonly advanced: readonly MessagePayload[];
  /** Lowest known sequence above the cursor, when something between is missing. */
  readonly holeBefore: number | undefined;
  /** Sequences the server said nothing of although it answered for their range: its fault. */
  readonly missing: number;
}

/** A merge under way. */
interface Merge {
  readonly added: MessagePayload[];
  readonly advanced: MessagePayload[];
}

/** Beyond a hole at least two pages of a sync fit. */
const beyondHoleMin = 1000;

/**
 * One chat's messages, merged by sequence from pushes, sync pages and own acknowledged sends in any order and
 * number. The cursor is the last sequence up to which everything was here; it only grows, and so does what
 * `advanced` tells. Sequences are dense from 1, so anything missing above the cursor is a missed push.
 * Pure: no time, no storage.
 */
export class Timeline {
  readonly chatId: string;
  #cursor: number;
  #highestSeen: number;
  /** Ascending by sequence: a suffix of the gapless part, then what lies beyond a hole. */
  #messages: MessagePayload[] = [];
  readonly #messagesMax: number;

  /** @param cursor as stored locally, 0 for a chat from its beginning */
  constructor(chatId: string, cursor: number, messagesMax: number) {
    this.chatId = chatId;
    this.#cursor = cursor;
    this.#highestSeen = cursor;
    this.#messagesMax = messagesMax;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** The highest sequence that is known to exist. */
  get highestSeen(): number {
    return this.#highestSeen;
  }

  /** Ascending; above the cursor there may be holes. */
  get messages(): readonly MessagePayload[] {
    return this.#messages;
  }

  /** Merges messages that came one by one. */
  insert(messages: readonly MessagePayload[]): TimelineChange {
    const merge: Merge = { added: [], advanced: [] };
    for (const message of bySequence(messages)) this.#add(message, merge);
    return this.#finish(merge, 0);
  }

  /**
   * Merges the answer to "everything above `after`": it covers its range, so that nothing more will be found in
   * it. `exists` is a sequence that was known to exist when the question was asked; an answer that ends below it
   * without saying that there is more covers it all the same.
   */
  insertPage(
    after: number,
    messages: readonly MessagePayload[],
    hasMore: boolean,
    exists: number,
  ): TimelineChange {
    const merge: Merge = { added: [], advanced: [] };
    const start = this.#cursor;
    let last = after;
    for (const message of bySequence(messages)) {
      this.#add(message, merge);
      last = Math.max(last, message.sequence);
    }
    const coveredTo = hasMore ? last : Math.max(last, exists);
    // A page above the cursor says nothing of what lies between.
    if (after > start || coveredTo <= this.#cursor) return this.#finish(merge, 0);
    const passed = this.#between(this.#cursor, coveredTo);
    const missing = coveredTo - this.#cursor - passed.length;
    if (missing > 0) {
      // Past what the server does not have: waiting for it would be waiting for ever.
      this.#cursor = coveredTo;
      merge.advanced.push(...passed);
      this.#advance(merge);
    }
    return this.#finish(merge, missing);
  }

  /** A number heard of elsewhere, e.g. the chat's counter. */
  noteExists(sequence: number): void {
    this.#highestSeen = Math.max(this.#highestSeen, sequence);
  }

  #add(message: MessagePayload, merge: Merge): void {
    const { sequence } = message;
    if (sequence <= this.#cursor) return;
    this.#highestSeen = Math.max(this.#highestSeen, sequence);
    const index = this.#indexOf(sequence);
    if (this.#messages[index]?.sequence === sequence) return;
    if (sequence !== this.#cursor + 1) {
      // Beyond a hole only so much is kept; what is turned away comes again with the sync of the hole.
      const beyondHole = this.#messages.length - this.#indexOf(this.#cursor + 1);
      if (beyondHole >= Math.max(this.#messagesMax, beyondHoleMin)) return;
    }
    this.#messages.splice(index, 0, message);
    merge.added.push(message);
    this.#advance(merge);
  }

  #advance(merge: Merge): void {
    let index = this.#indexOf(this.#cursor + 1);
    for (
      let next = this.#messages[index];
      next?.sequence === this.#cursor + 1;
      next = this.#messages[index]
    ) {
      merge.advanced.push(next);
      this.#cursor = next.sequence;
      index++;
    }
  }

  #finish(merge: Merge, missing: number): TimelineChange {
    this.#highestSeen = Math.max(this.#highestSeen, this.#cursor);
    const gapless = this.#indexOf(this.#cursor + 1);
    const holeBefore = this.#messages[gapless]?.sequence;
    const excess = Math.min(gapless, this.#messages.length - this.#messagesMax);
    if (excess > 0) this.#messages.splice(0, excess);
    return { added: merge.added, advanced: merge.advanced, holeBefore, missing };
  }

  /** What is held of (after, to]. */
  #between(after: number, to: number): readonly MessagePayload[] {
    return this.#messages.slice(this.#indexOf(after + 1), this.#indexOf(to + 1));
  }

  /** Index of the first message with at least this sequence. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.#messages.length;
    // Most messages belong at the end.
    if (high > 0 && (this.#messages[high - 1] as MessagePayload).sequence < sequence) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#messages[middle] as MessagePayload).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function bySequence(messages: readonly MessagePayload[]): readonly MessagePayload[] {
  return messages.length < 2 ? messages : [...messages].sort((a, b) => a.sequence - b.sequence);
}
