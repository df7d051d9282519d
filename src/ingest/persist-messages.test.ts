/**
 * Goal: what an acknowledged send promises: stored before the answer, once, numbered without a hole, only for members.
 * Method: the whole write path over the embedded store on a virtual clock.
 */
import { describe, expect, test } from "bun:test";
import {
  alice,
  bob,
  failure,
  IngestCluster,
  mallory,
  sequencesOf,
  success,
  upTo,
} from "../../tests/fakes/ingest-cluster.ts";
import { ackDelivery } from "./ack-delivery.ts";

async function open(count = 0) {
  const cluster = new IngestCluster();
  const ingest = cluster.instance();
  const chat = await cluster.createChat("A");
  if (count > 0) await cluster.settled(ingest.persist(...cluster.items(chat, count)));
  return { cluster, ingest, chat };
}

describe("scenarios", () => {
  test("S-1 counter 10, one send: counter 11, reply 11, message and key with sequence 11", async () => {
    const { cluster, ingest, chat } = await open(10);
    const item = cluster.item(chat);
    const [result] = await cluster.settled(ingest.persist(item));
    expect(result).toMatchObject({ ok: true, sequence: 11, deduplicated: false });
    expect(await cluster.counter(chat)).toBe(11);
    expect((await cluster.stored(chat)).at(-1)).toMatchObject({ sequence: 11, content: item.content });
    const [key] = await cluster.truth.findKeys([
      { chatId: chat, clientMessageId: item.clientMessageId as never },
    ]);
    expect(key?.sequence).toBe(11);
  });

  test("S-2 the same id again: same answer, marked as a repetition, nothing new, no second event", async () => {
    const { cluster, ingest, chat } = await open(10);
    const item = cluster.item(chat);
    const [first] = await cluster.settled(ingest.persist(item));
    await cluster.clock.advance(60_000);
    const [again] = await cluster.settled(ingest.persist(item));
    expect(again).toEqual({ ...success(first), deduplicated: true });
    expect(await cluster.counter(chat)).toBe(11);
    expect(await cluster.events()).toHaveLength(11);
  });

  test("S-3 three sends at once on counter 10: 11, 12 and 13", async () => {
    const { cluster, ingest, chat } = await open(10);
    const calls = [1, 2, 3].map(() => ingest.persist(cluster.item(chat)));
    const results = (await cluster.settled(Promise.all(calls))).flat();
    expect([...sequencesOf(results)].sort((a, b) => a - b)).toEqual([11, 12, 13]);
    expect(await cluster.counter(chat)).toBe(13);
  });

  test.each(["the same instance", "two instances"])(
    "S-4 one id twice at once on %s: one message, one number",
    async (where) => {
      const { cluster, ingest, chat } = await open(10);
      const other = where === "two instances" ? cluster.instance() : ingest;
      const item = cluster.item(chat);
      const results = (
        await cluster.settled(Promise.all([ingest.persist(item), other.persist(item)]))
      ).flat();
      expect(sequencesOf(results)).toEqual([11, 11]);
      expect(new Set(results.map((result) => success(result).messageId)).size).toBe(1);
      expect(await cluster.counter(chat)).toBe(11);
    },
  );

  test("S-6 I-26 I-34 a new chat has its counter, at 0, and its first message is 1", async () => {
    const { cluster, ingest, chat } = await open();
    expect(await cluster.counter(chat)).toBe(0);
    expect(sequencesOf(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual([1]);
    expect(await cluster.counter(chat)).toBe(1);
  });

  test("S-9 the answer is lost and the client retries elsewhere: the original number, one message", async () => {
    const { cluster, ingest, chat } = await open(3);
    const item = cluster.item(chat);
    void ingest.persist(item);
    await cluster.clock.advance(10);
    const [retried] = await cluster.settled(cluster.instance().persist(item));
    expect(retried).toMatchObject({ ok: true, sequence: 4, deduplicated: true });
    expect(await cluster.stored(chat)).toHaveLength(4);
  });

  test("S-12 the same id with another text: the first text stays, the first number is the answer", async () => {
    const { cluster, ingest, chat } = await open();
    const item = cluster.item(chat);
    await cluster.settled(ingest.persist(item));
    const [again] = await cluster.settled(ingest.persist({ ...item, content: "something else" }));
    expect(again).toMatchObject({ ok: true, sequence: 1, deduplicated: true });
    expect((await cluster.stored(chat)).map((message) => message.content)).toEqual([item.content]);
  });

  test("S-13 after its key is gone the same id makes a new message", async () => {
    const { cluster, ingest, chat } = await open();
    const item = cluster.item(chat);
    await cluster.settled(ingest.persist(item));
    await cluster.clock.advance(8 * 24 * 3600 * 1000);
    await cluster.createChat("later");
    const fresh = { ...item, accessToken: cluster.item(chat).accessToken };
    expect(sequencesOf(await cluster.settled(ingest.persist(fresh)))).toEqual([1]);
    await cluster.truth.expireKeys(cluster.clock.nowMs() - 7 * 24 * 3600 * 1000, 100);
    const [anew] = await cluster.settled(ingest.persist(fresh));
    expect(anew).toMatchObject({ ok: true, sequence: 2, deduplicated: false });
  });
});

describe("idempotency", () => {
  test("I-02 G-04 20 parallel and 20 serial repetitions over two instances: one message, one answer", async () => {
    const { cluster, ingest, chat } = await open(5);
    const other = cluster.instance();
    const item = cluster.item(chat);
    const parallel = await cluster.settled(
      Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? ingest : other).persist(item))),
    );
    const serial = [];
    for (let n = 0; n < 20; n++)
      serial.push(await cluster.settled((n % 2 === 0 ? ingest : other).persist(item)));
    const answers = [...parallel, ...serial].flat().map(success);
    expect(new Set(answers.map(({ sequence, messageId }) => `${sequence} ${messageId}`)).size).toBe(1);
    expect(answers.filter(({ deduplicated }) => !deduplicated)).toHaveLength(1);
    expect(await cluster.stored(chat)).toHaveLength(6);
  });

  test("the case of a UUID does not make another message", async () => {
    const { cluster, ingest, chat } = await open();
    const item = cluster.item(chat, { clientMessageId: "550E8400-E29B-41D4-A716-44665544ABCD" });
    const lower = { ...item, clientMessageId: item.clientMessageId.toLowerCase() };
    expect(sequencesOf(await cluster.settled(ingest.persist(item)))).toEqual([1]);
    expect(sequencesOf(await cluster.settled(ingest.persist(lower)))).toEqual([1]);
  });

  test("the same id in another chat is another message", async () => {
    const { cluster, ingest, chat } = await open();
    const elsewhere = await cluster.createChat("B");
    const item = cluster.item(chat);
    await cluster.settled(ingest.persist(item));
    const [there] = await cluster.settled(ingest.persist({ ...item, chatId: elsewhere }));
    expect(there).toMatchObject({ sequence: 1, deduplicated: false });
  });

  test("two repetitions in one call never share a transaction, whatever lies between them", async () => {
    const { cluster, ingest, chat } = await open();
    const item = cluster.item(chat);
    const results = await cluster.settled(ingest.persist(item, cluster.item(chat), item, cluster.item(chat)));
    expect(sequencesOf(results)).toEqual([1, 2, 1, 3]);
    expect(results.map((result) => success(result).deduplicated)).toEqual([false, false, true, false]);
    for (const { messages } of ingest.store.commits) {
      const ids = messages.map((message) => message.clientMessageId);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  test("another member's message with the same id is answered as the repetition, a stranger's is refused", async () => {
    const { cluster, ingest, chat } = await open();
    const item = cluster.item(chat);
    await cluster.settled(ingest.persist(item));
    const asBob = cluster.item(chat, { senderId: bob, clientMessageId: item.clientMessageId });
    const asMallory = cluster.item(chat, { senderId: mallory, clientMessageId: item.clientMessageId });
    const [known, strange] = await cluster.settled(ingest.persist(asBob, asMallory));
    expect(known).toMatchObject({ ok: true, sequence: 1, deduplicated: true });
    expect(strange).toMatchObject({ ok: false, code: "NOT_A_MEMBER" });
  });

  test("a former member's repeated send is still answered with its first answer", async () => {
    const { cluster, ingest, chat } = await open();
    const item = cluster.item(chat, { senderId: bob });
    await cluster.settled(ingest.persist(item));
    await cluster.chats.removeMember(chat, bob, cluster.clock.nowMs());
    const [again, next] = await cluster.settled(ingest.persist(item, cluster.item(chat, { senderId: bob })));
    expect(again).toMatchObject({ ok: true, sequence: 1, deduplicated: true });
    expect(failure(next).code).toBe("NOT_A_MEMBER");
  });
});

describe("authority", () => {
  test("I-22 G-12 a removed member's next send is refused: membership is read anew for each", async () => {
    const { cluster, ingest, chat } = await open();
    await cluster.settled(ingest.persist(cluster.item(chat, { senderId: bob })));
    await cluster.chats.removeMember(chat, bob, cluster.clock.nowMs());
    const [result] = await cluster.settled(ingest.persist(cluster.item(chat, { senderId: bob })));
    expect(failure(result).code).toBe("NOT_A_MEMBER");
    expect(await cluster.counter(chat)).toBe(1);
  });

  test("an unknown chat looks like a foreign one", async () => {
    const { cluster, ingest } = await open();
    const [result] = await cluster.settled(ingest.persist(cluster.item("chat_nowhere" as never)));
    expect(failure(result).code).toBe("NOT_A_MEMBER");
  });

  test("nobody sends as somebody else", async () => {
    const { cluster, ingest, chat } = await open();
    const { accessToken } = cluster.item(chat, { senderId: mallory });
    const [stolen, none] = await cluster.settled(
      ingest.persist(
        cluster.item(chat, { senderId: alice, accessToken }),
        cluster.item(chat, { accessToken: "nonsense" }),
      ),
    );
    expect([failure(stolen).code, failure(none).code]).toEqual(["UNAUTHORIZED", "UNAUTHORIZED"]);
    expect(await cluster.counter(chat)).toBe(0);
  });

  test.each([
    ["an id that is no UUID", { clientMessageId: "1" }, "INVALID_MESSAGE"],
    ["a chat id of the wrong form", { chatId: "chat-1" }, "INVALID_MESSAGE"],
    ["an empty text", { content: "" }, "INVALID_MESSAGE"],
    ["4097 bytes", { content: "x".repeat(4097) }, "MESSAGE_TOO_LARGE"],
    ["4098 bytes in 1366 characters", { content: "€".repeat(1366) }, "MESSAGE_TOO_LARGE"],
    ["a lone surrogate", { content: "a\ud800b" }, "INVALID_ENCODING"],
    ["a NUL", { content: "a\u0000b" }, "INVALID_CONTENT"],
    ["control characters alone", { content: "\u0001\u0002" }, "INVALID_CONTENT"],
    ["eleven mentions", { content: "@a ".repeat(11) }, "INVALID_CONTENT"],
    ["another content type", { contentType: "text/html" }, "INVALID_CONTENT_TYPE"],
  ] as const)("G-13 %s is refused and leaves no trace", async (_name, change, code) => {
    const { cluster, ingest, chat } = await open();
    const [result] = await cluster.settled(ingest.persist(cluster.item(chat, change)));
    expect(failure(result).code).toBe(code);
    expect(await cluster.counter(chat)).toBe(0);
    expect(await cluster.events()).toEqual([]);
    expect(ingest.store.commits).toEqual([]);
  });
});

describe("order and time", () => {
  test("I-07 G-05 no answer comes before its commit, and none at all when the commit fails", async () => {
    const { cluster, ingest, chat } = await open();
    await cluster.settled(ingest.persist(cluster.item(chat)));
    ingest.store.plant({ kind: "slow", beforeMs: 300, afterMs: 0 });
    let answered = false;
    const work = ingest.persist(cluster.item(chat)).finally(() => {
      answered = true;
    });
    await cluster.clock.advance(299);
    expect([answered, await cluster.counter(chat)]).toEqual([false, 1]);
    expect(sequencesOf(await cluster.settled(work))).toEqual([2]);
    ingest.store.plant({ kind: "unavailable" });
    const [result] = await cluster.settled(ingest.persist(cluster.item(chat)));
    expect(failure(result).code).toBe("SERVICE_UNAVAILABLE");
    expect(await cluster.counter(chat)).toBe(2);
  });

  test("I-19 a failed commit leaves no event; I-08 every event has its message", async () => {
    const { cluster, ingest, chat } = await open(3);
    ingest.store.plant({ kind: "unavailable" }, { kind: "unknown_before" });
    await cluster.settled(ingest.persist(cluster.item(chat)));
    await cluster.settled(ingest.persist(cluster.item(chat)));
    const stored = new Set((await cluster.stored(chat)).map((message) => message.sequence));
    const events = await cluster.events();
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(events.every(({ sequence }) => stored.has(sequence))).toBe(true);
  });

  test("I-17 kafka_reflects_dynamodb: every event says what its stored message says", async () => {
    const { cluster, ingest, chat } = await open();
    await cluster.settled(ingest.persist(cluster.item(chat, { content: "naïve 👋" }), cluster.item(chat)));
    const events = await cluster.events();
    const stored = await cluster.stored(chat);
    expect(events).toEqual(
      stored.map(({ sequence, messageId, content, senderId, clientMessageId, createdAtMs }) => ({
        chatId: chat,
        sequence,
        payload: {
          message_id: messageId,
          chat_id: chat,
          sequence,
          sender_id: senderId,
          content,
          content_type: "text/plain",
          client_message_id: clientMessageId,
          origin_connection_id: "conn_1",
          created_at: new Date(createdAtMs).toISOString(),
        },
      })),
    );
  });

  test("I-05 G-07 what is acknowledged is read at once, though nobody is connected", async () => {
    const { cluster, ingest, chat } = await open();
    const item = cluster.item(chat, { content: "hello" });
    const [result] = await cluster.settled(ingest.persist(item));
    const [message] = await cluster.stored(chat);
    expect(message).toMatchObject({ messageId: success(result).messageId, content: "hello" });
  });

  test("G-16 every item is answered at its own deadline at the latest, though its batch is under way", async () => {
    const { cluster, ingest, chat } = await open(1);
    ingest.store.plant({ kind: "slow", beforeMs: 3000, afterMs: 0 });
    const brief = ingest.persist(cluster.item(chat, { deadlineMs: 400 }));
    let briefDone = false;
    void brief.then(() => {
      briefDone = true;
    });
    await cluster.clock.advance(399);
    expect(briefDone).toBe(false);
    await cluster.clock.advance(1);
    expect(failure((await brief)[0]).code).toBe("SERVICE_UNAVAILABLE");
    await cluster.clock.advance(3000);
    expect(await cluster.counter(chat)).toBe(2);
  });

  test("a message whose deadline passed while it waited is not stored any more", async () => {
    const { cluster, ingest, chat } = await open(1);
    ingest.store.plant({ kind: "slow", beforeMs: 2000, afterMs: 0 });
    const first = ingest.persist(cluster.item(chat));
    await cluster.clock.advance(1);
    const late = ingest.persist(cluster.item(chat, { deadlineMs: 500 }));
    const patient = ingest.persist(cluster.item(chat));
    const results = (await cluster.settled(Promise.all([first, late, patient]))).flat();
    expect(results.map((result) => (result.ok ? result.sequence : result.code))).toEqual([
      2,
      "SERVICE_UNAVAILABLE",
      3,
    ]);
    expect(await cluster.stored(chat)).toHaveLength(3);
  });

  test("S-5 a batch that vanished leaves the counter as it was, the retry gets the number: no gap", async () => {
    const { cluster, ingest, chat } = await open(10);
    const item = cluster.item(chat);
    ingest.store.plant({ kind: "unknown_before" });
    expect(failure((await cluster.settled(ingest.persist(item)))[0]).code).toBe("SERVICE_UNAVAILABLE");
    expect(await cluster.counter(chat)).toBe(10);
    expect(sequencesOf(await cluster.settled(cluster.instance().persist(item)))).toEqual([11]);
  });

  test.each(["unknown_after", "throws_after"] as const)(
    "S-15 I-45 %s: the retry finds its own key: one message, no hole, one event",
    async (kind) => {
      const { cluster, ingest, chat } = await open(10);
      const item = cluster.item(chat);
      ingest.store.plant({ kind });
      expect(failure((await cluster.settled(ingest.persist(item)))[0]).code).toBe("SERVICE_UNAVAILABLE");
      const [retried] = await cluster.settled(ingest.persist(item));
      expect(retried).toMatchObject({ ok: true, sequence: 11, deduplicated: true });
      expect(sequencesOf(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual([12]);
      expect((await cluster.events()).filter(({ sequence }) => sequence === 11)).toHaveLength(1);
    },
  );
});

describe("watermarks", () => {
  const ack = (chatId: never, sequence: number) => [{ chatId, userId: alice, sequence }];
  test("I-04 I-24 G-11 watermark_monotonic they rise to the highest acknowledged and never beyond the newest message", async () => {
    const { cluster, ingest, chat } = await open(50);
    const watermark = async () =>
      (await cluster.deliveryStates.get([{ userId: alice, chatId: chat }]))[0]?.lastAckedSequence;
    const orders = upTo(50).map((sequence) => sequence);
    for (let at = orders.length - 1; at > 0; at--) {
      const other = cluster.random.below(at + 1);
      [orders[at], orders[other]] = [orders[other] as number, orders[at] as number];
    }
    let highest = 0;
    for (const sequence of orders) {
      await ackDelivery(ingest.deps, ack(chat as never, sequence));
      highest = Math.max(highest, sequence);
      expect(await watermark()).toBe(highest);
    }
    expect(await ackDelivery(ingest.deps, ack(chat as never, 51))).toBe(0);
    expect(await ackDelivery(ingest.deps, [{ chatId: chat, userId: mallory, sequence: 1 }])).toBe(0);
    expect(await watermark()).toBe(50);
  });
});
