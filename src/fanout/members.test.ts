/**
 * Goal: who gets a push follows the store, at most 300 s stale, and a race of a fill with a change never leaves the
 * old list in the cache. Method: a virtual clock, held reads.
 */
import { describe, expect, test } from "bun:test";
import { FanoutWorld } from "../../tests/fakes/fanout-world.ts";
import type { ChatId, UserId } from "../shared/domain/ids.ts";
import { MemoryMemberCache } from "./member-cache.ts";
import { membersOf } from "./members.ts";
import { resolveRecipients } from "./resolve-recipients.ts";

const chat = "chat_1" as ChatId;
const [a, b, c] = ["user_A", "user_B", "user_C"] as unknown as [UserId, UserId, UserId];

describe("member cache", () => {
  test("a member is added while another fanout fills its cache with the old list: the fill is not stored", async () => {
    const world = new FanoutWorld();
    world.members.set(chat, [a, b]);
    const held = Promise.withResolvers<void>();
    world.holdMembers = held.promise;
    const reading = membersOf(world.deps(), chat);
    await world.clock.settle();
    world.members.set(chat, [a, b, c]);
    await world.cache.invalidate(chat);
    held.resolve();
    expect(await reading).toEqual([a, b]);
    world.holdMembers = undefined;
    expect(await membersOf(world.deps(), chat)).toEqual([a, b, c]);
    expect(await membersOf(world.deps(), chat)).toEqual([a, b, c]);
    expect(world.memberReads).toBe(2);
  });

  test("I-23 I-25 an event only deletes; the next list comes from the store", async () => {
    const world = new FanoutWorld();
    world.members.set(chat, [a, b]);
    world.servers.set(a, ["gw-1"]).set(b, ["gw-1"]).set(c, ["gw-1"]);
    const worker = await world.start();
    world.message(chat, 1);
    await world.clock.advance(10);
    // It says that user_X was added, which the store does not know.
    world.membershipChanged(chat);
    world.message(chat, 2);
    await world.clock.advance(10);
    expect(world.delivered.map(({ userIds }) => userIds)).toEqual([
      [a, b],
      [a, b],
    ]);
    world.members.set(chat, [a, c]);
    world.membershipChanged(chat);
    world.message(chat, 3);
    await world.clock.advance(10);
    expect(world.delivered.at(-1)?.userIds).toEqual([a, c]);
    await world.stop(worker);
  });

  test("I-13 a change whose event is lost is seen after 300 s", async () => {
    const world = new FanoutWorld();
    world.members.set(chat, [a]);
    await membersOf(world.deps(), chat);
    world.members.set(chat, [a, b]);
    await world.clock.advance(299_999);
    expect(await membersOf(world.deps(), chat)).toEqual([a]);
    await world.clock.advance(1);
    expect(await membersOf(world.deps(), chat)).toEqual([a, b]);
  });

  test("an empty list is not kept, and the oldest list makes room", async () => {
    const world = new FanoutWorld();
    const cache = new MemoryMemberCache(world.clock, 2);
    await cache.fill(chat, [], 0);
    expect((await cache.get(chat)).userIds).toBeUndefined();
    for (const id of ["chat_1", "chat_2", "chat_3"]) await cache.fill(id as ChatId, [a], 0);
    expect((await cache.get(chat)).userIds).toBeUndefined();
    expect((await cache.get("chat_3" as ChatId)).userIds).toEqual([a]);
  });

  test("a store that fails is asked again three times, with growing pauses", async () => {
    const world = new FanoutWorld();
    world.members.set(chat, [a]);
    world.failMemberReads = 3;
    let found: readonly UserId[] | undefined;
    void membersOf(world.deps(), chat).then((list) => {
      found = list;
    });
    await world.clock.advance(100 + 200 + 400 - 1);
    expect(found).toBeUndefined();
    await world.clock.advance(1);
    expect(found).toEqual([a]);
  });
});

describe("recipients", () => {
  test.each<[string, readonly UserId[], [UserId, string[]][], [string, UserId[]][]]>([
    ["nobody is a member", [], [[a, ["gw-1"]]], []],
    ["nobody is online", [a, b], [], []],
    [
      "all on one gateway",
      [a, b],
      [
        [a, ["gw-1"]],
        [b, ["gw-1"]],
      ],
      [["gw-1", [a, b]]],
    ],
    [
      "one user on two gateways",
      [a, b],
      [
        [a, ["gw-1", "gw-2"]],
        [b, ["gw-2"]],
      ],
      [
        ["gw-1", [a]],
        ["gw-2", [a, b]],
      ],
    ],
    [
      "somebody online who is no member",
      [a],
      [
        [a, ["gw-1"]],
        [c, ["gw-1"]],
      ],
      [["gw-1", [a]]],
    ],
    [
      "the order of members is kept",
      [c, a, b],
      [
        [a, ["g"]],
        [b, ["g"]],
        [c, ["g"]],
      ],
      [["g", [c, a, b]]],
    ],
  ])("%s", (_name, members, servers, expected) => {
    expect([...resolveRecipients(members, new Map(servers))]).toEqual(expected);
  });

  test("1,000 members on 10 gateways: everybody is named once per gateway", () => {
    const members = Array.from({ length: 1000 }, (_, index) => `user_${index}` as UserId);
    const servers = new Map(members.map((id, index) => [id, [`gw-${index % 10}`]] as const));
    const found = resolveRecipients(members, servers);
    expect([...found.values()].flat().toSorted()).toEqual(members.toSorted());
  });
});
