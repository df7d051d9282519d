/** What the system of record held at the end, read from the database or over REST. */

export interface FinalMessage {
  readonly chatId: string;
  readonly sequence: number;
  readonly messageId: string;
  /** null where the source does not tell (REST). */
  readonly clientMessageId: string | null;
  readonly senderId: string;
  readonly content: string;
  readonly createdAt: string;
}

export interface FinalCounter {
  readonly chatId: string;
  readonly sequence: number;
  readonly publishedSequence: number | null;
}

export interface FinalIdempotencyKey {
  readonly chatId: string;
  readonly clientMessageId: string;
  readonly messageId: string;
  readonly sequence: number;
}

export interface FinalWatermark {
  readonly userId: string;
  readonly chatId: string;
  readonly lastAckedSequence: number;
}

export interface FinalMembership {
  readonly chatId: string;
  readonly userId: string;
}

export interface FinalStore {
  /** In any order. */
  readonly messages: readonly FinalMessage[];
  readonly counters: readonly FinalCounter[];
  /** null where the source does not tell (REST): key rules are then not judged. */
  readonly idempotencyKeys: readonly FinalIdempotencyKey[] | null;
  readonly watermarks: readonly FinalWatermark[];
  readonly memberships: readonly FinalMembership[];
}
