/**
 * Goal: every record is handled before its offset is committed, what cannot be handled is buried, and nothing that is
 * merely down buries anything. Method: a worker on a virtual clock over a log, members, routes and gateways that fail.
 */
import { describe, expect, test } from "bun:test";
import { FanoutWorld, messagePersisted } from "../../tests/fakes/fanout-world.ts";
import type { LogRecord } from "../shared/stores/event-log.ts";
import { FanoutConsumer } from "./consume.ts";

function world(seed = 1): FanoutWorld {
  const made = new FanoutWorld(seed);
  made.members.set("chat_1", ["user_A", "user_B"]);
  made.members.set("chat_2", ["user_A", "user_C"]);
  made.servers.set("user_A", ["gw-1"]);
  made.servers.set("user_B", ["gw-1", "gw-2"]);
  made.servers.set("user_C", ["gw-2"]);
  return made;
}

const letters = (made: FanoutWorld) =>
  made.log.of("dead_letters").map((record) => JSON.parse(new TextDecoder().decode(record.value())));

const isCommitted = (made: FanoutWorld, record: LogRecord): boolean =>
  made.log.committedAt(record) > record.offset;

describe("deliveries", () => {
  test("R3 every gateway that holds a recipient gets one call, the sender's connection is named as excluded", async () => {
    const made = world();
    const record = made.message("chat_1", 1, { origin_connection_id: "conn_9" });
    const worker = await made.start();
    await made.clock.advance(300);
    expect(made.delivered).toMatchObject([
      { serverId: "gw-1", sequence: 1, userIds: ["user_A", "user_B"], excluded: "conn_9" },
      { serverId: "gw-2", sequence: 1, userIds: ["user_B"], excluded: "conn_9" },
    ]);
    expect(isCommitted(made, record)).toBe(true);
    await made.stop(worker);
  });

  test("ordering_preserved: deliveries of a chat keep the log's order, over several polls and chunks", async () => {
    const made = world();
    for (let sequence = 1; sequence <= 1200; sequence++) made.message("chat_1", sequence);
    const worker = await made.start();
    await made.clock.advance(300);
    const first = made.delivered
      .filter(({ serverId }) => serverId === "gw-1")
      .map(({ sequence }) => sequence);
    expect(first).toEqual(Array.from({ length: 1200 }, (_, index) => index + 1));
    await made.stop(worker);
  });

  test("nobody online: nothing is sent and the record is handled", async () => {
    const made = world();
    made.servers.clear();
    const record = made.message("chat_1", 1);
    const worker = await made.start();
    await made.clock.advance(300);
    expect(made.attempts).toEqual([]);
    expect(isCommitted(made, record)).toBe(true);
    await made.stop(worker);
  });
});

describe("what is down", () => {
  test("I-12 R4 transient_not_dlq: gateways that fail bury nothing, and offsets advance", async () => {
    const made = world();
    made.failing.set("gw-1", 1000).set("gw-2", 1000);
    const records = [made.message("chat_1", 1), made.message("chat_2", 1)];
    const worker = await made.start();
    await made.clock.advance(300);
    expect(records.every((record) => isCommitted(made, record))).toBe(true);
    expect(letters(made)).toEqual([]);
    await made.stop(worker);
  });

  test("transient_not_dlq: routes and members that fail skip the push after their retries and bury nothing", async () => {
    const made = world();
    made.failRouting = 1;
    const first = made.message("chat_1", 1);
    const worker = await made.start();
    await made.clock.advance(300);
    made.failMemberReads = 4;
    const second = made.message("chat_2", 1);
    await made.clock.advance(3000);
    const third = made.message("chat_1", 2);
    await made.clock.advance(3000);
    expect([first, second, third].map((record) => isCommitted(made, record))).toEqual([true, true, true]);
    expect(made.delivered.map(({ chatId, sequence }) => `${chatId} ${sequence}`)).toEqual([
      "chat_1 2",
      "chat_1 2",
    ]);
    expect(letters(made)).toEqual([]);
    await made.stop(worker);
  });

  test("transient_not_dlq: a member cache that is down costs a read of the store, never a dead letter", async () => {
    const made = world();
    const down = async (): Promise<never> => {
      throw new Error("cache is down");
    };
    const deps = { ...made.deps(), members: { get: down, fill: down, invalidate: down } };
    const worker = new FanoutConsumer(deps);
    await worker.start();
    made.message("chat_1", 1);
    made.membershipChanged("chat_1");
    await made.clock.advance(5000);
    expect(letters(made)).toEqual([]);
    expect(made.sequencesOf("chat_1")).toEqual([1, 1]);
    await made.stop(worker);
  });

  test("the push of the last message in a quiet chat is lost: a failed dispatch is repeated after 1 s and 5 s", async () => {
    const made = world();
    made.failing.set("gw-2", 2);
    made.message("chat_2", 1);
    const worker = await made.start();
    await made.clock.advance(10_000);
    const tries = made.attempts.filter(({ serverId }) => serverId === "gw-2").map(({ atMs }) => atMs);
    expect(tries.map((atMs) => atMs - (tries[0] ?? 0))).toEqual([0, 1000, 6000]);
    expect(made.delivered.filter(({ serverId }) => serverId === "gw-2")).toHaveLength(1);
    await made.stop(worker);
  });

  test("a failed dispatch is not repeated to a gateway that left, nor beyond the bound", async () => {
    const made = world();
    made.failing.set("gw-2", 1000);
    const worker = await made.start({ redispatchMax: 2 });
    for (let sequence = 1; sequence <= 3; sequence++) {
      made.message("chat_2", sequence);
      await made.clock.advance(10);
    }
    made.registered.delete("gw-2");
    await made.clock.advance(20_000);
    expect(made.attempts.filter(({ serverId }) => serverId === "gw-2")).toHaveLength(3);
    await made.stop(worker);
  });
});

describe("what cannot be handled", () => {
  const good = (sequence: number) => messagePersisted("chat_1", sequence);
  test.each([
    ["no JSON", "{", "ParseError", "chat_1"],
    ["no object", "[1]", "ParseError", "chat_1"],
    [
      "an unknown type",
      JSON.stringify({ ...good(2), event_type: "Wonder" }),
      "UnknownEventTypeError",
      "chat_1",
    ],
    ["a missing field", JSON.stringify({ ...good(2), payload: {} }), "SchemaViolationError", "chat_1"],
    ["a key of another chat", JSON.stringify(good(2)), "SchemaViolationError", "chat_3"],
  ])(
    "poison_pill_bounded: %s between two good records is buried on attempt 1, both others arrive",
    async (_name, value, errorName, key) => {
      const made = world();
      made.message("chat_1", 1);
      const poison = made.log.put("messages.persisted", key, value, { "x-trace": "äö" });
      const last = made.message("chat_1", 3);
      const worker = await made.start();
      await made.clock.advance(300);
      expect(
        made.delivered.filter(({ serverId }) => serverId === "gw-1").map(({ sequence }) => sequence),
      ).toEqual([1, 3]);
      const [letter, ...more] = letters(made);
      expect(more).toEqual([]);
      expect(letter.dlq_metadata).toMatchObject({
        original_topic: "messages.persisted",
        original_partition: poison.partition,
        original_offset: poison.offset,
        original_timestamp: "2026-01-31T10:00:00.000Z",
        consumer_group: "fanout-workers",
        consumer_id: "fanout-1",
        failure_reason: expect.stringMatching(new RegExp(`^${errorName}: .+`)),
        processing_attempts: 1,
      });
      expect(Buffer.from(letter.original_record.value, "base64").toString()).toBe(value);
      expect(letter.original_record.key).toBe(key);
      expect(letter.original_record.headers).toEqual([
        { key: "x-trace", value: Buffer.from("äö").toString("base64") },
      ]);
      expect(isCommitted(made, poison) && isCommitted(made, last)).toBe(true);
      await made.stop(worker);
    },
  );

  test("poison_pill_bounded: a record whose handling crashes is tried three times, then buried; others of its batch arrive", async () => {
    const made = world();
    let tries = 0;
    made.onRouting = (userIds) => {
      if (!userIds.includes("user_C")) return;
      tries++;
      throw Object.assign(new Error("bug"), { name: "TypeError" });
    };
    // A crash of the worker's own code, not of the routing table: those are caught.
    const deps = made.deps();
    const worker = new FanoutConsumer({
      ...deps,
      members: {
        ...deps.members,
        get: async (chatId) => {
          if (chatId === "chat_2") {
            tries++;
            return {
              generation: 0,
              get userIds(): never {
                throw new TypeError("bug");
              },
            };
          }
          return made.cache.get(chatId);
        },
        fill: (chatId, userIds, generation) => made.cache.fill(chatId, userIds, generation),
        invalidate: (chatId) => made.cache.invalidate(chatId),
      },
    });
    await worker.start();
    const bad = made.message("chat_2", 1);
    made.message("chat_1", 1);
    await made.clock.advance(300);
    expect(letters(made)).toHaveLength(1);
    expect(letters(made)[0].dlq_metadata).toMatchObject({
      processing_attempts: 3,
      failure_reason: "TypeError: bug",
    });
    expect(tries).toBeGreaterThanOrEqual(3);
    expect(isCommitted(made, bad)).toBe(true);
    expect(new Set(made.sequencesOf("chat_1"))).toEqual(new Set([1]));
    await made.stop(worker);
  });

  test("commit_after_process: while a dead letter cannot be written nothing behind it is committed, then all is handled", async () => {
    const made = world();
    const poison = made.log.put("messages.persisted", "chat_1", "{");
    const behind = made.message("chat_1", 2);
    const elsewhere = made.message("chat_2", 1);
    made.membershipChanged("chat_1");
    made.log.failAppends = 3;
    const worker = await made.start();
    await made.clock.advance(150);
    expect(made.log.committedAt(poison)).toBe(0);
    await made.clock.advance(10_000);
    expect(letters(made)).toHaveLength(1);
    expect(isCommitted(made, behind) && isCommitted(made, elsewhere)).toBe(true);
    expect(made.sequencesOf("chat_1")).toContain(2);
    expect(made.sequencesOf("chat_2")).toContain(1);
    await made.stop(worker);
  });
});

describe("offsets", () => {
  test("commit_after_process: a dead letter that fails in mid-batch loses no record of another partition behind it", async () => {
    const made = world();
    const deps = made.deps();
    const worker = new FanoutConsumer({
      ...deps,
      members: {
        get: async (chatId) => {
          if (chatId !== "chat_2") return made.cache.get(chatId);
          return {
            generation: 0,
            get userIds(): never {
              throw new TypeError("bug");
            },
          };
        },
        fill: (chatId, userIds, generation) => made.cache.fill(chatId, userIds, generation),
        invalidate: (chatId) => made.cache.invalidate(chatId),
      },
    });
    made.message("chat_2", 1);
    made.log.put("messages.persisted", "chat_1", "poison");
    const behind = made.message("chat_1", 2);
    made.log.failAppends = 1;
    await worker.start();
    await made.clock.advance(10_000);
    expect(
      letters(made)
        .map((letter) => letter.original_record.key)
        .toSorted(),
    ).toEqual(["chat_1", "chat_2"]);
    expect(made.sequencesOf("chat_1")).toContain(2);
    expect(isCommitted(made, behind)).toBe(true);
    await made.stop(worker);
  });

  test("I-15 G-03 a group that starts anew delivers everything again and changes nothing", async () => {
    const made = world();
    for (let sequence = 1; sequence <= 5; sequence++) made.message("chat_1", sequence);
    for (let run = 0; run < 2; run++) {
      const worker = await made.start();
      await made.clock.advance(10);
      // Cut off before its commit: the next one starts from the beginning.
      made.log.failCommits = run === 0 ? 1000 : 0;
      await made.stop(worker);
      made.log.failCommits = 0;
    }
    expect(made.sequencesOf("chat_1")).toHaveLength(20);
    expect(made.log.of("dead_letters")).toEqual([]);
  });

  test("commits of offsets come every 200 ms and at the end, and a failed one is repeated", async () => {
    const made = world();
    const record = made.message("chat_1", 1);
    const worker = await made.start();
    await made.clock.advance(199);
    expect(isCommitted(made, record)).toBe(false);
    made.log.failCommits = 1;
    await made.clock.advance(100);
    expect(isCommitted(made, record)).toBe(false);
    const closing = worker.close();
    made.message("chat_1", 2);
    await made.clock.advance(1000);
    await closing;
    expect(isCommitted(made, record)).toBe(true);
  });

  test("a poll that fails is repeated with growing pauses", async () => {
    const made = world();
    made.log.failPolls = 3;
    made.message("chat_1", 1);
    const worker = await made.start();
    await made.clock.advance(200 + 400 + 800 - 1);
    expect(made.delivered).toEqual([]);
    await made.clock.advance(1);
    expect(made.delivered).toHaveLength(2);
    await made.stop(worker);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "commit_after_process: killed at random points, every record is handled at least once (seed %d)",
    async (seed) => {
      const made = world(seed);
      const { random } = made;
      const written: { chat: string; sequence: number }[] = [];
      const sequences = { chat_1: 0, chat_2: 0 };
      let isAlive = true;
      made.onDeliver = async () => {
        const delayMs = random.below(80);
        await new Promise<void>((resolve) => void made.clock.setTimer(delayMs, resolve));
        if (!isAlive) await new Promise(() => undefined);
      };
      for (let life = 0; life < 12; life++) {
        const alive = { now: true };
        // A killed worker's calls come to nothing: its log no longer answers.
        const worker = new FanoutConsumer(
          made.deps(
            {},
            {
              append: (records) => (alive.now ? made.log.append(records) : new Promise(() => undefined)),
              consumer: async (group, subscribed) => {
                const inner = await made.log.consumer(group, subscribed);
                return {
                  poll: (max, wait) => (alive.now ? inner.poll(max, wait) : new Promise(() => undefined)),
                  commit: (positions) => (alive.now ? inner.commit(positions) : new Promise(() => undefined)),
                  committed: () => inner.committed(),
                  seek: (...args) => inner.seek(...args),
                  pause: () => inner.pause(),
                  resume: () => inner.resume(),
                  lag: () => inner.lag(),
                  close: () => inner.close(),
                };
              },
            },
          ),
        );
        isAlive = true;
        await worker.start();
        for (let n = random.below(10); n >= 0; n--) {
          const chat = random.pick(["chat_1", "chat_2"] as const);
          sequences[chat]++;
          written.push({ chat, sequence: sequences[chat] });
          made.message(chat, sequences[chat]);
          if (random.float() < 0.2) made.log.put("messages.persisted", chat, "poison");
          if (random.float() < 0.2) made.membershipChanged(chat);
          made.log.failAppends = random.float() < 0.1 ? 1 : made.log.failAppends;
          await made.clock.advance(random.below(150));
        }
        alive.now = false;
        isAlive = false;
      }
      isAlive = true;
      made.log.failAppends = 0;
      const last = await made.start();
      await made.clock.advance(60_000);
      for (const { chat, sequence } of written) expect(made.sequencesOf(chat)).toContain(sequence);
      const poison = made.log.of("messages.persisted").filter((record) => record.value().length === 6).length;
      expect(letters(made).length).toBeGreaterThanOrEqual(poison);
      await made.stop(last);
    },
  );
});
