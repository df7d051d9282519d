/** What every store of REST outcomes must do. Writing them is part of the effects: see the chat store's suite. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { NewRestIdempotencyRecord, RestIdempotencyStore } from "./rest-idempotency-store.ts";

export interface OpenRestIdempotencyStore {
  readonly store: RestIdempotencyStore;
  /** Writes a record as the transaction of an effect would. */
  write(record: NewRestIdempotencyRecord): Promise<void>;
  close(): Promise<void>;
}

const startMs = 1_769_853_600_000;
const dayMs = 24 * 3600 * 1000;

function recordOf(key: string, createdAtMs = startMs): NewRestIdempotencyRecord {
  return {
    scopeKey: `user_a#POST /chats#${key}`,
    requestHash: `hash-${key}`,
    statusCode: 201,
    resourceIds: { chat_id: "chat_a", user_id: "user_b" },
    createdAtMs,
  };
}

export function restIdempotencyStoreConformance(
  name: string,
  open: () => Promise<OpenRestIdempotencyStore>,
): void {
  describe(`${name} as RestIdempotencyStore`, () => {
    let opened: OpenRestIdempotencyStore;
    let store: RestIdempotencyStore;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.close());

    test("a record is found whole under its own key, for 24 h", async () => {
      const record = recordOf("k");
      await opened.write(record);
      expect(await store.find(record.scopeKey, startMs)).toEqual(record);
      expect(await store.find(record.scopeKey, startMs + dayMs - 1)).toEqual(record);
      expect(await store.find(record.scopeKey, startMs + dayMs)).toBeUndefined();
      expect(await store.find("user_b#POST /chats#k", startMs)).toBeUndefined();
      expect(await store.find("user_a#PATCH /chats#k", startMs)).toBeUndefined();
    });

    test("a key runs once at a time, until it ends", async () => {
      expect(await store.begin("a", startMs)).toBe(true);
      expect(await store.begin("a", startMs + 1)).toBe(false);
      expect(await store.begin("b", startMs + 1)).toBe(true);
      await store.end("a");
      await store.end("a");
      expect(await store.begin("a", startMs + 2)).toBe(true);
    });

    test("a running mark whose call died ends after 60 s", async () => {
      await store.begin("a", startMs);
      expect(await store.begin("a", startMs + 59_999)).toBe(false);
      expect(await store.begin("a", startMs + 60_000)).toBe(true);
      expect(await store.begin("a", startMs + 60_001)).toBe(false);
    });

    test("of calls that race with one key exactly one begins", async () => {
      const begun = await Promise.all(Array.from({ length: 20 }, () => store.begin("a", startMs)));
      expect(begun.filter((answer) => answer)).toHaveLength(1);
    });

    test("a running mark is no record", async () => {
      await store.begin(recordOf("k").scopeKey, startMs);
      expect(await store.find(recordOf("k").scopeKey, startMs)).toBeUndefined();
    });

    test("old records are deleted up to the limit, younger ones stay", async () => {
      for (const index of [0, 1, 2, 3]) await opened.write(recordOf(`k${index}`, startMs + index * 1000));
      expect(await store.expire(startMs + 2500, 2)).toBe(2);
      expect(await store.expire(startMs + 2500, 10)).toBe(1);
      expect(await store.expire(startMs + 2500, 10)).toBe(0);
      const left = await Promise.all(
        [0, 1, 2, 3].map((index) => store.find(recordOf(`k${index}`).scopeKey, startMs)),
      );
      expect(left.map((record) => record?.requestHash)).toEqual([undefined, undefined, undefined, "hash-k3"]);
    });
  });
}
