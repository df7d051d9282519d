/**
 * Goal: whoever follows cursors sees every message once, in order; watermarks only rise; lists are sorted by activity.
 * Method: handlers on the embedded stores; pagination against random pages, limits and directions.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ChatId } from "../shared/domain/ids.ts";
import { type Fixture, type LoggedIn, openFixture, refusal, refusedCode } from "./chatmgmt-fixture.ts";

let at: Fixture;
let alice: LoggedIn;
let bob: LoggedIn;
let carol: LoggedIn;
let chatId: ChatId;

beforeEach(async () => {
  at = await openFixture();
  [alice, bob, carol] = (await at.createUsers(3)) as [LoggedIn, LoggedIn, LoggedIn];
  chatId = await at.createGroup(alice, [bob]);
});
afterEach(async () => {
  await at.storage.close();
});

async function sendMany(count: number) {
  await at.send(chatId, alice, ...Array.from({ length: count }, (_, index) => `message ${index + 1}`));
}

function list(request: Omit<Parameters<typeof at.call<"listMessages">>[1], "$typeName">) {
  return at.call("listMessages", { chatId, ...request } as never, { token: bob.token });
}

function sequences(page: { data: { sequence: bigint }[] }): number[] {
  return page.data.map((message) => Number(message.sequence));
}

describe("history", () => {
  test("backward by default, newest first, 50 at a time; the cursor leads on, the first page has none before it", async () => {
    await sendMany(60);
    const first = await list({});
    expect(sequences(first)).toEqual(Array.from({ length: 50 }, (_, index) => 60 - index));
    expect(first.pagination).toMatchObject({ hasMore: true });
    expect(first.pagination?.prevCursor).toBeUndefined();
    const second = await list({ cursor: first.pagination?.nextCursor ?? "" });
    expect(sequences(second)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(second.pagination?.hasMore).toBe(false);
    expect(second.pagination?.nextCursor).toBeUndefined();
    const back = await list({ cursor: second.pagination?.prevCursor ?? "", limit: 3 });
    expect(sequences(back)).toEqual([11, 12, 13]);
  });

  test("forward, filters, and both filters as an open interval that cursors do not leave", async () => {
    await sendMany(20);
    expect(sequences(await list({ direction: "forward", limit: 3 }))).toEqual([1, 2, 3]);
    expect(sequences(await list({ beforeSequence: 4n }))).toEqual([3, 2, 1]);
    expect(sequences(await list({ afterSequence: 17n, direction: "forward" }))).toEqual([18, 19, 20]);
    for (const direction of ["forward", "backward"]) {
      const seen: number[] = [];
      let page = await list({ afterSequence: 5n, beforeSequence: 12n, direction, limit: 2 });
      for (;;) {
        seen.push(...sequences(page));
        const cursor = page.pagination?.nextCursor;
        if (cursor === undefined) break;
        page = await list({ cursor, limit: 2 });
      }
      expect(seen.toSorted((a, b) => a - b)).toEqual([6, 7, 8, 9, 10, 11]);
      expect(seen).toHaveLength(6);
    }
    expect(await list({ afterSequence: 5n, beforeSequence: 6n })).toMatchObject({ data: [] });
    expect(await list({ beforeSequence: 0n })).toMatchObject({ data: [] });
  });

  test.each([
    ["garbage", "!!!"],
    ["no object", Buffer.from("[1]").toString("base64url")],
    ["a negative sequence", Buffer.from('{"seq":-1}').toString("base64url")],
    ["a fraction", Buffer.from('{"seq":1.5}').toString("base64url")],
    ["another direction", Buffer.from('{"seq":1,"direction":"up"}').toString("base64url")],
    ["a text", Buffer.from('{"seq":"1"}').toString("base64url")],
  ])("a malformed cursor (%s) is a VALIDATION_ERROR", async (_name, cursor) => {
    expect(await refusedCode(list({ cursor }))).toBe("VALIDATION_ERROR");
  });

  test("a cursor with a filter is a VALIDATION_ERROR", async () => {
    const cursor = Buffer.from('{"seq":5}').toString("base64url");
    expect(await refusedCode(list({ cursor, beforeSequence: 3n }))).toBe("VALIDATION_ERROR");
  });

  test("REST-04 following cursors reaches everything once while messages are added", async () => {
    const seed = 20_260_131;
    const step = fc.record({ limit: fc.integer({ min: 1, max: 7 }), added: fc.integer({ min: 0, max: 3 }) });
    const plan = fc.record({
      initial: fc.integer({ min: 0, max: 25 }),
      direction: fc.constantFrom("forward", "backward"),
      steps: fc.array(step, { minLength: 1, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ initial, direction, steps }) => {
        await at.storage.close();
        at = await openFixture();
        [alice, bob] = (await at.createUsers(2)) as [LoggedIn, LoggedIn];
        chatId = await at.createGroup(alice, [bob]);
        const page = (request: object) =>
          at.call("listMessages", { chatId, ...request } as never, { token: bob.token });
        await sendMany(initial);
        let total = initial;
        const seen: number[] = [];
        let cursor: string | undefined;
        for (let turn = 0; ; turn += 1) {
          const { limit, added } = steps[turn % steps.length] ?? { limit: 1, added: 0 };
          const answer = await page(cursor === undefined ? { direction, limit } : { cursor, limit });
          expect(answer.data.length).toBeLessThanOrEqual(limit);
          seen.push(...sequences(answer));
          cursor = answer.pagination?.nextCursor;
          expect(cursor !== undefined).toBe(answer.pagination?.hasMore as boolean);
          if (cursor === undefined) break;
          const adding = turn < 5 ? added : 0;
          await sendMany(adding);
          total += adding;
        }
        const expected =
          direction === "forward"
            ? Array.from({ length: total }, (_, index) => index + 1)
            : Array.from({ length: initial }, (_, index) => initial - index);
        expect(seen).toEqual(expected);
      }),
      { seed, numRuns: 60 },
    );
  });

  test("REST-08 one message by its id, with its sender's name; unknown ids and other chats' messages are NOT_FOUND", async () => {
    await sendMany(3);
    const { data } = await list({ direction: "forward" });
    const second = data[1];
    const got = await at.call(
      "getMessage",
      { chatId, messageId: second?.messageId ?? "" },
      { token: bob.token },
    );
    expect({ ...got, $typeName: "" } as object).toEqual({ ...second, $typeName: "" } as object);
    expect(got.sender).toMatchObject({ userId: alice.userId, displayName: "User 0" });
    const unknown = { chatId, messageId: at.ids.messageId() };
    expect(await refusedCode(at.call("getMessage", unknown, { token: bob.token }))).toBe("NOT_FOUND");
    const otherChat = await at.createGroup(alice, [bob]);
    const elsewhere = { chatId: otherChat, messageId: second?.messageId ?? "" };
    expect(await refusedCode(at.call("getMessage", elsewhere, { token: bob.token }))).toBe("NOT_FOUND");
  });

  test.each([
    [10, 3, [7, 8, 9, 10, 11, 12, 13], true, true],
    [1, 2, [1, 2, 3], false, true],
    [20, 2, [18, 19, 20], true, false],
    [99, 3, [18, 19, 20], true, false],
    [3, 50, Array.from({ length: 20 }, (_, index) => index + 1), false, false],
  ])("around %i with %i on each side", async (sequence, context, expected, before, after) => {
    await sendMany(20);
    const request = { chatId, sequence: BigInt(sequence), context };
    const answer = await at.call("getMessagesAround", request, { token: bob.token });
    expect(answer.messages.map((message) => Number(message.sequence))).toEqual(expected);
    expect([answer.hasMoreBefore, answer.hasMoreAfter]).toEqual([before, after]);
    expect(answer.targetSequence).toBe(BigInt(sequence));
  });
});

describe("delivery state", () => {
  test("REST-09 a watermark rises, never falls, never passes the counter", async () => {
    await sendMany(50);
    const set = (sequence: bigint) =>
      at.call("setDeliveryState", { chatId, lastAckedSequence: sequence }, { token: bob.token });
    expect((await set(40n)).lastAckedSequence).toBe(40n);
    expect((await set(30n)).lastAckedSequence).toBe(40n);
    const set45 = await set(45n);
    expect(set45).toMatchObject({ chatId, userId: bob.userId, lastAckedSequence: 45n });
    const error = await refusal(set(60n));
    expect(error.code).toBe("INVALID_SEQUENCE");
    expect(error.message).toContain("60");
    const alias = at.call("setDeliveryStateAlias", { chatId, lastAckedSequence: 51n }, { token: bob.token });
    expect(await refusedCode(alias)).toBe("INVALID_SEQUENCE");
    const { items } = await at.call("listDeliveryState", {}, { token: bob.token });
    expect(items).toMatchObject([{ chatId, lastAckedSequence: 45n, currentSequence: 50n, unreadCount: 5n }]);
  });

  test("chats without a watermark count from 0; chats of others are left out", async () => {
    await sendMany(2);
    const named = { chatIds: [chatId, at.ids.chatId()] };
    const { items } = await at.call("listDeliveryState", named, { token: bob.token });
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ lastAckedSequence: 0n, unreadCount: 2n });
    expect(items[0]?.updatedAt).toBeUndefined();
    expect((await at.call("listDeliveryState", named, { token: carol.token })).items).toEqual([]);
  });

  test("delivery status counts all current members, the author too", async () => {
    await at.call("addMember", { chatId, userId: carol.userId }, { token: alice.token });
    await sendMany(5);
    const as = { token: alice.token };
    await at.call("setDeliveryState", { chatId, lastAckedSequence: 5n }, as);
    await at.call("setDeliveryState", { chatId, lastAckedSequence: 3n }, { token: bob.token });
    const latest = await at.call("getDeliveryStatus", { chatId }, as);
    expect(latest.deliverySummary).toMatchObject({
      sequence: 5n,
      deliveredCount: 1,
      pendingCount: 2,
      allDelivered: false,
    });
    const third = await at.call("getDeliveryStatus", { chatId, forSequence: 3n }, as);
    expect(third.deliverySummary).toMatchObject({ deliveredCount: 2, pendingCount: 1 });
    await at.call("setDeliveryState", { chatId, lastAckedSequence: 3n }, { token: carol.token });
    const all = await at.call("getDeliveryStatus", { chatId, forSequence: 3n }, as);
    expect(all.deliverySummary).toMatchObject({ deliveredCount: 3, pendingCount: 0, allDelivered: true });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await at.call(
        "getDeliveryStatus",
        { chatId, limit: 1, ...(cursor ? { cursor } : {}) },
        as,
      );
      seen.push(...page.members.map((one) => one.userId));
      cursor = page.pagination?.nextCursor;
    } while (cursor !== undefined);
    expect(seen.toSorted()).toEqual([alice.userId, bob.userId, carol.userId].toSorted() as string[]);
  });
});

describe("list of chats", () => {
  test("sorted by last activity, with preview, counts and the other member", async () => {
    await at.clock.advance(1000);
    const { chatId: direct } = await at.call(
      "createChat",
      { type: "direct", memberIds: [bob.userId] },
      { token: alice.token },
    );
    await at.clock.advance(1000);
    const long = `${"é".repeat(99)}😀 and more`;
    await at.send(chatId, alice, "first", long);
    await at.call("setDeliveryState", { chatId, lastAckedSequence: 1n }, { token: bob.token });
    const { data, pagination } = await at.call("listChats", {}, { token: bob.token });
    expect(data.map((chat) => chat.chatId)).toEqual([chatId, direct]);
    const [group, pair] = data;
    expect(group?.lastMessage?.contentPreview).toBe(`${"é".repeat(99)}😀`);
    expect(group).toMatchObject({ type: "group", name: "Team", memberCount: 2, pendingAckCount: 1n });
    expect(group?.updatedAt).toBe(group?.lastMessage?.createdAt as string);
    expect(group?.otherMember).toBeUndefined();
    expect(pair?.otherMember).toMatchObject({ userId: alice.userId, displayName: "User 0" });
    expect(pair?.lastMessage).toBeUndefined();
    expect(pagination).toMatchObject({ hasMore: false });
  });

  test("pages reach every chat once, there and back; updated_since leaves the older ones out", async () => {
    const created = [chatId as string];
    for (let count = 0; count < 6; count += 1) {
      if (count % 2 === 0) await at.clock.advance(1000);
      created.push(await at.createGroup(alice, [bob], `Chat ${count}`));
    }
    const as = { token: bob.token };
    const pages: string[][] = [];
    let cursor: string | undefined;
    let lastPrev: string | undefined;
    do {
      const page = await at.call("listChats", { limit: 3, ...(cursor ? { cursor } : {}) }, as);
      pages.push(page.data.map((chat) => chat.chatId));
      cursor = page.pagination?.nextCursor;
      lastPrev = page.pagination?.prevCursor;
      if (pages.length === 1) expect(lastPrev).toBeUndefined();
    } while (cursor !== undefined);
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(pages.flat().toSorted()).toEqual(created.toSorted());
    const back = await at.call("listChats", { limit: 3, cursor: lastPrev ?? "" }, as);
    expect(back.data.map((chat) => chat.chatId)).toEqual(pages[1] as string[]);
    const first = await at.call("listChats", { limit: 3, cursor: back.pagination?.prevCursor ?? "" }, as);
    expect(first.data.map((chat) => chat.chatId)).toEqual(pages[0] as string[]);
    expect(first.pagination?.prevCursor).toBeUndefined();
    const since = new Date(at.clock.nowMs()).toISOString();
    const recent = await at.call("listChats", { updatedSince: since }, as);
    expect(recent.data).toHaveLength(2);
    expect(await refusedCode(at.call("listChats", { updatedSince: "yesterday" }, as))).toBe(
      "VALIDATION_ERROR",
    );
    expect(await refusedCode(at.call("listChats", { cursor: "e30" }, as))).toBe("VALIDATION_ERROR");
  });

  test("a user without chats has an empty list", async () => {
    const page = await at.call("listChats", {}, { token: carol.token });
    expect(page.data).toEqual([]);
    expect(page.pagination?.hasMore).toBe(false);
  });
});
