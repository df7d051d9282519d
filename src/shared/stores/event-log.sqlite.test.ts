/** Goal: the embedded log keeps the port's promises. Method: the conformance suite, with a long tail and a tiny one. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import type { ChatId } from "../domain/ids.ts";
import { systemClock } from "../runtime/system-clock.ts";
import { createSqliteChatStore } from "./chat-store.sqlite.ts";
import { eventLogConformance } from "./event-log.conformance.ts";
import {
  chatOf,
  consume,
  membershipTopic,
  type OpenEventLog,
  recordOf,
  take,
  textOf,
} from "./event-log.harness.ts";
import { SqliteEventLog } from "./event-log.sqlite.ts";
import { topics } from "./event-log.ts";
import { batchOf, commitOne, messageOf } from "./message-store.harness.ts";
import { SqliteMessageStore } from "./message-store.sqlite.ts";
import { openInlineStorage } from "./sqlite/inline-storage.ts";
import { LogTail } from "./sqlite/log-tail.ts";
import type { Storage } from "./sqlite/storage.ts";

const dayMs = 24 * 3600 * 1000;
const groupOf = (chatId: ChatId) => ({
  chatId,
  name: "Team",
  createdBy: "user_owner" as Parameters<
    ReturnType<typeof createSqliteChatStore>["createGroup"]
  >[0]["createdBy"],
  memberIds: [],
  createdAtMs: 1,
  idempotency: undefined,
});

interface OpenSqliteLog extends OpenEventLog {
  readonly log: SqliteEventLog;
  readonly tail: LogTail;
}

/** Over all opened logs, since a number is also an idempotency key. */
let messageNumber = 0;

async function openOn(storage: Storage, recordsMax: number, cleanUp: () => void): Promise<OpenSqliteLog> {
  const chats = createSqliteChatStore(storage, { groupMembersMax: 100 });
  const newTail = (): LogTail => new LogTail({ recordsMax, producerId: "test" });
  const tail = newTail();
  const messages = new SqliteMessageStore(storage, tail);
  return {
    log: new SqliteEventLog(storage, tail, systemClock),
    tail,
    async publish(chatId, contents) {
      let [counter] = await messages.counters([chatId]);
      if (counter === undefined) {
        await chats.createGroup(groupOf(chatId));
        [counter] = await messages.counters([chatId]);
      }
      const batch = contents.map((content) => {
        messageNumber += 1;
        return messageOf(messageNumber, { content });
      });
      const outcome = await commitOne(messages, batchOf(chatId, counter?.sequence ?? 0, batch));
      if (outcome.kind !== "committed") throw new Error(outcome.kind);
    },
    reopen: async () => new SqliteEventLog(storage, newTail(), systemClock),
    async close() {
      await storage.close();
      cleanUp();
    },
  };
}

eventLogConformance("SQLite", () => openOn(openInlineStorage(":memory:"), 10_000, () => {}));

// With a tail of 2 a consumer is behind all the time: everything comes from the tables.
eventLogConformance("SQLite with a short tail", async () => {
  const dir = mkdtempSync(join(tmpdir(), "event-log-"));
  return openOn(openInlineStorage(join(dir, "log.sqlite")), 2, () => rmSync(dir, { recursive: true }));
});

test("messages.persisted cannot be appended to: it is the table of messages", async () => {
  const { log, close } = await openOn(openInlineStorage(":memory:"), 10, () => {});
  const record = recordOf(chatOf(1), "x", { topic: "messages.persisted" });
  await expect(log.append([record])).rejects.toThrow(/commit of messages alone/);
  await close();
});

test("a second member of a group is refused while the first is there", async () => {
  const { log, close } = await openOn(openInlineStorage(":memory:"), 10, () => {});
  const first = await consume(log, "group");
  await expect(consume(log, "group")).rejects.toThrow(/has a member already/);
  await first.close();
  await (await consume(log, "group")).close();
  await close();
});

test("a caught-up consumer reads no table", async () => {
  let reads = 0;
  const storage = openInlineStorage(":memory:");
  const counting: Storage = {
    ...storage,
    run: (command, input) => {
      if (command.name === "event_log.read") reads += 1;
      return storage.run(command, input);
    },
  };
  const { log, publish, close } = await openOn(counting, 100, () => {});
  const consumer = await log.consumer("group", ["messages.persisted", membershipTopic], async () => {});
  expect(await consumer.poll(10, 0)).toEqual([]);
  const readsAtFirst = reads;
  for (let round = 0; round < 20; round += 1) {
    await publish(`chat_${round % 3}` as ChatId, ["a", "b"]);
    expect(await take(consumer, 2)).toHaveLength(2);
  }
  expect(reads).toBe(readsAtFirst);
  await consumer.close();
  await close();
});

test("a record that another process wrote is found with the next commit", async () => {
  const dir = mkdtempSync(join(tmpdir(), "event-log-"));
  const path = join(dir, "log.sqlite");
  const ours = await openOn(openInlineStorage(path), 100, () => rmSync(dir, { recursive: true }));
  const theirs = await openOn(openInlineStorage(path), 100, () => {});
  const consumer = await ours.log.consumer("group", ["messages.persisted"], async () => {});
  const chatId = "chat_shared" as ChatId;
  await ours.publish(chatId, ["1"]);
  expect(await take(consumer, 1)).toHaveLength(1);
  await theirs.publish(chatId, ["2", "3"]);
  await ours.publish(chatId, ["4"]);
  const contents = (await take(consumer, 3)).map((record) => JSON.parse(textOf(record)).payload.content);
  expect(contents).toEqual(["2", "3", "4"]);
  await consumer.close();
  await theirs.close();
  await ours.close();
});

test("retention: old records go, messages stay, offsets are never given again", async () => {
  const storage = openInlineStorage(":memory:");
  const { log, publish, close } = await openOn(storage, 100, () => {});
  const clock = new VirtualClock();
  const old = { timestampMs: clock.nowMs() - 8 * dayMs };
  const offsets = await log.append(["1", "2", "3"].map((text) => recordOf(chatOf(1), text, old)));
  expect(await log.expire(membershipTopic, clock.nowMs(), 2)).toBe(2);
  expect(await log.expire(membershipTopic, clock.nowMs(), 2)).toBe(1);
  expect(await log.expire(membershipTopic, clock.nowMs(), 2)).toBe(0);
  const [next] = await log.append([recordOf(chatOf(1), "4", { timestampMs: clock.nowMs() })]);
  expect(next).toBeGreaterThan(Math.max(...offsets));
  expect(await log.expire(membershipTopic, clock.nowMs(), 2)).toBe(0);

  const chatId = "chat_old" as ChatId;
  await publish(chatId, ["a", "b"]);
  const later = messageOf(messageNumber + 1).createdAtMs + topics["messages.persisted"].retentionMs;
  expect(await log.expire("messages.persisted", later, 100)).toBe(2);
  await publish(chatId, ["c"]);
  const fresh = new SqliteEventLog(storage, new LogTail({ recordsMax: 100, producerId: "test" }), clock);
  const consumer = await fresh.consumer("new", ["messages.persisted", membershipTopic], async () => {});
  expect((await take(consumer, 2)).map((record) => record.offset)).toEqual([3, next ?? -1]);
  const [counter] = await new SqliteMessageStore(
    storage,
    new LogTail({ recordsMax: 1, producerId: "t" }),
  ).counters([chatId]);
  expect(counter?.sequence).toBe(3);
  await consumer.close();
  await close();
});
