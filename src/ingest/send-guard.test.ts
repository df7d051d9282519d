/**
 * Goal: abuse controls before the writer hold to the number, leave nothing of a refused send and never stand in the
 * way of the rest. Method: the write path over the embedded store with the memory limiter on a virtual clock.
 */
import { describe, expect, test } from "bun:test";
import {
  alice,
  bob,
  failure,
  IngestCluster,
  mallory,
  success,
  upTo,
} from "../../tests/fakes/ingest-cluster.ts";
import type { AuditEvent } from "../shared/auth/audit.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import type { ChatId } from "../shared/domain/ids.ts";
import { createMemoryRateLimiter } from "../shared/stores/rate-limiter.memory.ts";
import type { RateLimiter } from "../shared/stores/rate-limiter.ts";
import { SendGuard, type SendGuardSettings } from "./send-guard.ts";

const plenty: SendGuardSettings = { fanoutBudgetPerDay: 100_000, sendsPerSecond: 10, sendsBurst: 20 };

async function open(settings: Partial<SendGuardSettings> = {}, limiter?: RateLimiter) {
  const cluster = new IngestCluster();
  const audited: AuditEvent[] = [];
  const guard = new SendGuard({
    clock: cluster.clock,
    logger: { debug: () => {}, info: () => {}, error: () => {}, warn: (event) => warned.push(event) },
    limiter: limiter ?? createMemoryRateLimiter(cluster.clock, { keysMax: 10_000 }),
    chats: cluster.chats,
    audit: { record: (event) => audited.push(event) },
    settings: { ...plenty, ...settings },
  });
  const warned: string[] = [];
  const ingest = cluster.instance({}, guard);
  const group = await cluster.createChat("A");
  const send = async (chat: ChatId, content?: string) => {
    const item = cluster.item(chat, content === undefined ? {} : { content });
    return (await cluster.settled(ingest.persist(item)))[0];
  };
  return { cluster, ingest, guard, group, audited, warned, send };
}

const reasons = (audited: readonly AuditEvent[]) => audited.map(({ type, reason }) => `${type} ${reason}`);

describe("L20 fan-out budget", () => {
  test("L20 a group costs its members, the day's budget is spent to the last, then nothing is written", async () => {
    const { cluster, group, audited, send } = await open({ fanoutBudgetPerDay: 5 });
    expect(success(await send(group)).sequence).toBe(1);
    expect(success(await send(group)).sequence).toBe(2);
    const refused = failure(await send(group));
    expect(refused.code).toBe("RATE_LIMITED");
    expect(await cluster.counter(group)).toBe(2);
    expect(await cluster.events()).toHaveLength(2);
    expect(reasons(audited)).toEqual(["access.rate_limited fanout_budget"]);
  });

  test("L20 a direct chat costs one", async () => {
    const { cluster, send } = await open({ fanoutBudgetPerDay: 3 });
    const { chat } = await cluster.chats.createDirect({
      chatId: "chat_D" as ChatId,
      createdBy: alice,
      otherUserId: bob,
      createdAtMs: cluster.clock.nowMs(),
      idempotency: undefined,
    });
    for (const sequence of [1, 2, 3]) expect(success(await send(chat.chatId)).sequence).toBe(sequence);
    expect(failure(await send(chat.chatId)).code).toBe("RATE_LIMITED");
  });

  test("L20 the wait ends at midnight UTC, whenever the day's first message was, and then all is there again", async () => {
    const { cluster, group, guard, send } = await open({ fanoutBudgetPerDay: 2 });
    await cluster.clock.advance(3 * 3600 * 1000);
    success(await send(group));
    const { retryAfterSeconds } = failure(await send(group));
    const dayMs = 24 * 3600 * 1000;
    const leftSeconds = (dayMs - (cluster.clock.nowMs() % dayMs)) / 1000;
    expect(retryAfterSeconds).toBe(Math.ceil(leftSeconds));
    await cluster.clock.advance((retryAfterSeconds ?? 0) * 1000);
    const next = { chatId: group, senderId: alice, connectionId: undefined, content: "a new day" };
    expect(await guard.admit([next, next], [])).toEqual([undefined, 24 * 3600]);
  });

  test("L20 counts per user, and neither repetitions nor refused sends", async () => {
    const { cluster, ingest, group } = await open({ fanoutBudgetPerDay: 2 });
    const own = cluster.item(group);
    const foreign = cluster.item(group, { senderId: mallory });
    const [outsider] = await cluster.settled(ingest.persist(foreign));
    expect(failure(outsider).code).toBe("NOT_A_MEMBER");
    for (const deduplicated of [false, true, true]) {
      const [result] = await cluster.settled(ingest.persist(own));
      expect(success(result).deduplicated).toBe(deduplicated);
    }
    const [byBob] = await cluster.settled(ingest.persist(cluster.item(group, { senderId: bob })));
    expect(success(byBob).sequence).toBe(2);
    const [again] = await cluster.settled(ingest.persist(cluster.item(group)));
    expect(failure(again).code).toBe("RATE_LIMITED");
  });

  test("L20 a grown group costs more within a minute", async () => {
    const { cluster, group, send } = await open({ fanoutBudgetPerDay: 6 });
    success(await send(group));
    await cluster.chats.addMember({
      chatId: group,
      userId: mallory,
      role: "member",
      joinedAtMs: cluster.clock.nowMs(),
      idempotency: undefined,
    });
    await cluster.clock.advance(60_000);
    success(await send(group));
    expect(failure(await send(group)).code).toBe("RATE_LIMITED");
  });

  test("L20 fails open: neither a limiter nor a chat store that is down refuses a send", async () => {
    const down = () => Promise.reject(new TriplaneError("SERVICE_UNAVAILABLE", "made to fail"));
    const limiter: RateLimiter = {
      take: down,
      peek: down,
      reset: down,
      setFlag: down,
      flag: down,
    };
    const { cluster, ingest, group, warned, send } = await open({ fanoutBudgetPerDay: 1 }, limiter);
    expect(success(await send(group)).sequence).toBe(1);
    const [other] = await cluster.settled(ingest.persist(cluster.item(group)));
    expect(success(other).sequence).toBe(2);
    expect(warned).toEqual(["rate_limit_check_failed"]);
  });
});

describe("content heuristics", () => {
  test("L14 halved: the third equal text in a minute slows the sender to 5/s with a burst of 10, for five minutes", async () => {
    const { cluster, ingest, group, audited } = await open();
    const same = () => cluster.items(group, 3, { content: "buy now" });
    expect((await cluster.settled(ingest.persist(...same()))).every(({ ok }) => ok)).toBe(true);
    expect(reasons(audited)).toEqual(["abuse.spam_detected repeated_text"]);
    const passed = async (count: number) => {
      const results = await cluster.settled(ingest.persist(...cluster.items(group, count)));
      return results.filter(({ ok }) => ok).length;
    };
    // One token of the ten went to the third text.
    expect(await passed(12)).toBe(9);
    await cluster.clock.advance(1000);
    expect(await passed(12)).toBe(5);
    await cluster.clock.advance(5 * 60_000);
    expect(await passed(20)).toBe(20);
    expect(JSON.stringify(audited)).not.toContain("buy now");
  });

  test("texts that differ, and equal ones further apart, slow nobody", async () => {
    const { cluster, group, audited, send } = await open();
    for (let index = 0; index < 6; index += 1) {
      success(await send(group, "good morning"));
      await cluster.clock.advance(31_000);
    }
    success(await send(group, "a"));
    success(await send(group, "b"));
    expect(audited).toEqual([]);
  });

  test("URL spam and flooding are noted and delivered", async () => {
    const { group, audited, send } = await open();
    success(await send(group, "https://a.example/ ".repeat(6)));
    success(await send(group, "!".repeat(40)));
    expect(reasons(audited)).toEqual([
      "abuse.spam_detected many_urls",
      "abuse.flooding_detected one_character",
    ]);
  });

  test("order is kept: sends that arrive while earlier ones are decided come after them", async () => {
    const { cluster, ingest, group } = await open({ sendsPerSecond: 1000, sendsBurst: 2000 });
    const items = Array.from({ length: 40 }, (_, index) =>
      cluster.item(group, { content: index % 3 === 0 ? "same" : `text ${index}` }),
    );
    const results = await cluster.settled(Promise.all(items.map((item) => ingest.persist(item))));
    expect(results.map(([result]) => success(result).sequence)).toEqual([...upTo(40)]);
  });
});
