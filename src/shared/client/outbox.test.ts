/** Goal: each message once, in order, within its limits. Method: the outbox alone, answers by hand, a virtual clock. */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import type { SendMessageFrame } from "../protocol/frames.ts";
import { SendError } from "./client-errors.ts";
import { DurableWriter } from "./durable-writer.ts";
import type { ClientEvents, SentMessage } from "./events.ts";
import { Outbox } from "./outbox.ts";
import { storageKeys } from "./storage.ts";
import { MemoryStorage } from "./storage-memory.ts";
import { newUuid } from "./uuid.ts";

const all = { before: undefined, limit: 1000, reverse: false } as const;

function start(options: { inFlightPerChat?: number; limitSends?: boolean; messagesMax?: number } = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const storage = new MemoryStorage();
  const writer = new DurableWriter(storage, clock, random, () => undefined);
  const sent: SendMessageFrame[] = [];
  const acked: SentMessage[] = [];
  const failed: ClientEvents["sendFailed"][] = [];
  const link = { ready: true };
  const outbox = new Outbox({
    clock,
    random,
    writer,
    messagesMax: options.messagesMax ?? 1000,
    inFlightPerChat: options.inFlightPerChat ?? 1,
    limitSends: options.limitSends ?? false,
    hooks: {
      ready: () => link.ready,
      send: (frame) => {
        sent.push(frame);
        return true;
      },
      newRequestId: () => newUuid(random),
      userId: () => "user_A",
      onSent: () => undefined,
      onAcked: (one, done) => {
        acked.push(one);
        void writer.put([done]);
      },
      onFailed: (event) => failed.push(event),
      onUnauthorized: () => undefined,
    },
  });
  const ack = (frame: SendMessageFrame | undefined, sequence: number): void => {
    if (frame === undefined) throw new Error("nothing was sent");
    const { client_message_id, chat_id } = frame.payload;
    outbox.onAck({
      type: "send_message_ack",
      request_id: frame.request_id,
      timestamp: "",
      payload: { client_message_id, chat_id, message_id: `msg_${sequence}`, sequence, created_at: "" },
    });
  };
  const stored = async () => (await storage.list(storageKeys.outboxPrefix, all)).length;
  return { clock, outbox, sent, acked, failed, link, ack, stored, storage };
}

describe("order", () => {
  test("one unanswered message per chat, the next after its answer; chats do not wait for each other", async () => {
    const { clock, outbox, sent, ack } = start();
    for (const content of ["a1", "a2"]) outbox.add("chat_A", content, {});
    outbox.add("chat_B", "b1", {});
    await clock.advance(0);
    expect(sent.map((frame) => frame.payload.content)).toEqual(["a1", "b1"]);
    ack(sent[0], 1);
    expect(sent.map((frame) => frame.payload.content)).toEqual(["a1", "b1", "a2"]);
  });

  test("a message that waits for its retry holds back its chat", async () => {
    const { clock, outbox, sent, ack } = start();
    for (const content of ["first", "second"]) outbox.add("chat_A", content, {});
    await clock.advance(0);
    outbox.onError({
      type: "error",
      request_id: sent[0]?.request_id ?? "",
      timestamp: "",
      payload: { code: "RATE_LIMITED", message: "", details: { retry_after_seconds: 2 } },
    });
    await clock.advance(1_900);
    expect(sent.length).toBe(1);
    await clock.advance(200);
    expect(sent.map((frame) => frame.payload.content)).toEqual(["first", "first"]);
    ack(sent[1], 1);
    expect(sent.at(-1)?.payload.content).toBe("second");
  });

  test("a wider window sends ahead, still in order", async () => {
    const { clock, outbox, sent } = start({ inFlightPerChat: 3 });
    for (const content of ["1", "2", "3", "4"]) outbox.add("chat_A", content, {});
    await clock.advance(0);
    expect(sent.map((frame) => frame.payload.content)).toEqual(["1", "2", "3"]);
  });

  test("over all chats no more than 80 are unanswered; each answer makes room", async () => {
    const { clock, outbox, sent, ack } = start();
    for (let chat = 0; chat < 100; chat++) outbox.add(`chat_${chat}`, "hello", {});
    await clock.advance(0);
    expect(sent.length).toBe(80);
    for (let index = 0; index < 100; index++) ack(sent[index], 1);
    expect(sent.length).toBe(100);
    expect(outbox.size).toBe(0);
  });
});

describe("answers", () => {
  test("silence for 10 s leads to another attempt with the same id and a new request_id", async () => {
    const { clock, outbox, sent, acked, ack } = start();
    const message = outbox.add("chat_A", "hello", {});
    await clock.advance(9_999);
    expect(sent.length).toBe(1);
    await clock.advance(1_001);
    expect(sent.length).toBe(2);
    expect(sent[1]?.payload.client_message_id).toBe(message.clientMessageId);
    expect(sent[1]?.request_id).not.toBe(sent[0]?.request_id);
    // The answer to the first attempt was only late: it counts, and the second one finds nothing to do.
    ack(sent[0], 7);
    ack(sent[1], 7);
    expect((await message.acked).message.sequence).toBe(7);
    expect(acked.length).toBe(1);
  });

  test("an id in another case is the same id", async () => {
    const { clock, outbox, sent, acked } = start();
    const clientMessageId = "550E8400-E29B-41D4-A716-446655440000";
    outbox.add("chat_A", "hello", { clientMessageId });
    await clock.advance(0);
    outbox.onDown();
    outbox.onAck({
      type: "send_message_ack",
      request_id: sent[0]?.request_id ?? "",
      timestamp: "",
      payload: {
        client_message_id: clientMessageId.toLowerCase(),
        chat_id: "chat_A",
        message_id: "msg_1",
        sequence: 1,
        created_at: "",
      },
    });
    expect(acked.length).toBe(1);
  });

  test("the same id given twice is one message", async () => {
    const { clock, outbox, sent } = start();
    const clientMessageId = newUuid(new SeededRandom(9));
    const first = outbox.add("chat_A", "hello", { clientMessageId });
    expect(outbox.add("chat_A", "hello", { clientMessageId })).toBe(first);
    await clock.advance(0);
    expect(sent.length).toBe(1);
  });

  test("an acknowledged message leaves storage, a failed one too", async () => {
    const { clock, outbox, sent, ack, stored, failed } = start();
    outbox.add("chat_A", "good", {});
    outbox.add("chat_B", "bad", {}).acked.catch(() => undefined);
    await clock.advance(0);
    expect(await stored()).toBe(2);
    ack(sent[0], 1);
    outbox.onError({
      type: "error",
      request_id: sent[1]?.request_id ?? "",
      timestamp: "",
      payload: { code: "INVALID_CONTENT", message: "" },
    });
    await clock.advance(0);
    expect(await stored()).toBe(0);
    expect(failed.map((event) => event.error.code)).toEqual(["INVALID_CONTENT"]);
  });
});

describe("limits", () => {
  test("a full outbox refuses and says so", () => {
    const { outbox } = start({ messagesMax: 2 });
    outbox.add("chat_A", "1", {});
    outbox.add("chat_A", "2", {});
    expect(() => outbox.add("chat_A", "3", {})).toThrow("2 messages wait to be sent, limit 2");
  });

  test("20 go at once, never more in a second, and 10 per second in the long run", async () => {
    const { clock, outbox, sent } = start({ inFlightPerChat: 100, limitSends: true });
    for (let count = 0; count < 50; count++) outbox.add("chat_A", "hello", {});
    await clock.advance(0);
    expect(sent.length).toBe(20);
    await clock.advance(1_000);
    expect(sent.length).toBe(20);
    await clock.advance(2_100);
    expect(sent.length).toBe(50);
  });

  test("a message older than the server's memory of ids is not risked", async () => {
    const { clock, outbox, sent, failed, link } = start();
    link.ready = false;
    outbox.add("chat_A", "too late", {}).acked.catch(() => undefined);
    await clock.advance(7 * 24 * 3600 * 1000);
    link.ready = true;
    outbox.pumpAll();
    expect(sent).toEqual([]);
    expect(failed.map((event) => event.error.code)).toEqual(["EXPIRED"]);
  });
});

describe("taking back", () => {
  test("before the first attempt the signal removes the message", async () => {
    const { clock, outbox, sent, link, stored } = start();
    link.ready = false;
    const controller = new AbortController();
    const message = outbox.add("chat_A", "never mind", { signal: controller.signal });
    await clock.advance(0);
    controller.abort(new Error("changed my mind"));
    await expect(message.acked).rejects.toThrow("changed my mind");
    link.ready = true;
    outbox.pumpAll();
    await clock.advance(0);
    expect(sent).toEqual([]);
    expect(await stored()).toBe(0);
  });

  test("afterwards it only ends the wait", async () => {
    const { clock, outbox, sent, acked, ack } = start();
    const controller = new AbortController();
    const message = outbox.add("chat_A", "on its way", { signal: controller.signal });
    await clock.advance(0);
    controller.abort(new Error("tired of waiting"));
    await expect(message.acked).rejects.toThrow("tired of waiting");
    ack(sent[0], 1);
    expect(acked.length).toBe(1);
  });

  test("closing keeps the message for the next start", async () => {
    const { clock, outbox, link, stored } = start();
    link.ready = false;
    const message = outbox.add("chat_A", "later", {});
    await clock.advance(0);
    outbox.close();
    await expect(message.acked).rejects.toThrow(SendError);
    expect(await stored()).toBe(1);
  });
});
