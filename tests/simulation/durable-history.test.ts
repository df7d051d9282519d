/**
 * Goal: single promises under the one fault that tests them hardest.
 * Method: the whole system on a virtual clock, killed and cut at chosen moments; verdicts by the history checker
 * and by the stored rows.
 */
import { describe, expect, test } from "bun:test";
import type { FinalStore } from "../checker/final-store.ts";
import { renderReport } from "../checker/report.ts";
import { numberedUuid, RawClient } from "./raw-client.ts";
import { SimulatedWorld } from "./simulated-world.ts";

const dayMs = 24 * 3_600_000;
const calm = { limitSends: true, sendsInFlightPerChat: 1, clockErrorMs: 0 };
const unlimited = { RATE_LIMITS_ENABLED: "false" };

function expectDense(store: FinalStore): void {
  for (const { chatId, sequence } of store.counters) {
    const sequences = store.messages.filter((one) => one.chatId === chatId).map((one) => one.sequence);
    expect(sequences.sort((a, b) => a - b)).toEqual(
      Array.from({ length: sequence }, (_, index) => index + 1),
    );
  }
}

function expectClean(world: SimulatedWorld): void {
  const check = world.check({});
  if (check.violations.length > 0) throw new Error(renderReport(check));
  expect(check.counts.settled).toBe(true);
}

async function busyWorld(users: number, seed: number): Promise<SimulatedWorld> {
  const world = new SimulatedWorld({ seed, environment: unlimited });
  const seeded = await world.seedUsers({ users, chats: 1, members: users });
  await world.startProcess();
  await world.enter(seeded, () => ({ ...calm, limitSends: false, sendsInFlightPerChat: 4 }));
  return world;
}

function chatOf(world: SimulatedWorld): string {
  const [chatId] = world.chatIds;
  if (chatId === undefined) throw new Error("no chat was seeded");
  return chatId;
}

/** Until a commit of messages is under way. */
async function whileCommitting(world: SimulatedWorld): Promise<void> {
  await world.clock.runUntil(() => world.process.storage.isRunning("message.commit"), 10_000);
}

async function restart(world: SimulatedWorld): Promise<void> {
  world.recorder.processKilled("standalone");
  await world.clock.advance(200);
  await world.startProcess();
  world.recorder.processStarted("standalone");
}

describe("kills in the middle of a commit", () => {
  test("I-47: after every one of 40 kills the sequences 1..counter all exist", async () => {
    await using world = await busyWorld(4, 47);
    const chatId = chatOf(world);
    for (let kill = 0; kill < 40; kill += 1) {
      for (const { client, options } of world.installations) {
        for (let count = 0; count < 3; count += 1) client.send(chatId, `${options.name} ${kill} ${count}`);
      }
      const ready = (): boolean => world.installations.some(({ client }) => client.state === "Ready");
      await world.clock.runUntil(ready, 120_000);
      await whileCommitting(world);
      world.process.kill();
      expectDense(world.readStore());
      await restart(world);
    }
    expect(world.faults.of("commit_lost")).toBeGreaterThan(0);
    expect(world.faults.of("commit_unanswered")).toBeGreaterThan(0);
    await world.settle();
    expect(world.readStore().messages).toHaveLength(4 * 3 * 40);
    expectClean(world);
  }, 60_000);

  test("S-17: killed after the commit, the sender gone for good: the others get the message by themselves", async () => {
    await using world = await busyWorld(3, 17);
    const chatId = chatOf(world);
    const [sender, ...others] = world.installations;
    sender?.client.send(chatId, "my last words");
    await whileCommitting(world);
    world.process.kill("committed");
    sender?.stop();
    world.installations.splice(0, 1);
    await restart(world);
    const heard = (): boolean => others.every(({ client }) => client.cursor(chatId) === 1);
    await world.clock.runUntil(heard, 60_000);
    await world.settle();
    expectClean(world);
  });

  test("a commit that the kill took with it was never acknowledged, and the retry stores it once", async () => {
    await using world = await busyWorld(2, 18);
    const chatId = chatOf(world);
    const [sender] = world.installations;
    const message = sender?.client.send(chatId, "twice tried");
    await whileCommitting(world);
    world.process.kill("lost");
    expect(world.readStore().messages).toEqual([]);
    await restart(world);
    await world.settle();
    expect((await message?.acked)?.message.sequence).toBe(1);
    expectClean(world);
  });

  test("a store that forgets what it acknowledged is found out", async () => {
    await using world = await busyWorld(2, 19);
    const chatId = chatOf(world);
    const [sender] = world.installations;
    sender?.client.send(chatId, "remembered");
    await world.clock.advance(5000);
    const older = world.readStore();
    sender?.client.send(chatId, "forgotten");
    await world.settle();
    const forgetful: FinalStore = { ...world.readStore(), messages: older.messages };
    const kinds = world.check({}, forgetful).violations.map(({ kind }) => kind);
    expect(kinds).toContain("acked_message_lost");
  });
});

describe("answers and pushes that are lost", () => {
  test("S-9: the client is cut off before the ack; its retry gets the original sequence, one message is stored", async () => {
    await using world = await busyWorld(2, 9);
    const chatId = chatOf(world);
    const [sender] = world.installations;
    const message = sender?.client.send(chatId, "did it arrive?");
    await whileCommitting(world);
    sender?.endpoint.link?.halfOpen();
    await world.settle();
    expect((await message?.acked)?.message.sequence).toBe(1);
    expect(world.readStore().messages).toHaveLength(1);
    const acks = world.events.filter(({ kind }) => kind === "ack_received");
    expect(acks).toHaveLength(1);
    const attempts = world.events.filter(({ kind }) => kind === "send_started");
    expect(attempts).toHaveLength(2);
    expectClean(world);
  });

  test("S-10: the server dies in the middle of a fan-out; whoever missed the push has it after the reconnect", async () => {
    await using world = await busyWorld(20, 10);
    const chatId = chatOf(world);
    const [sender] = world.installations;
    const pushes = (): number => world.events.filter(({ kind }) => kind === "message_pushed").length;
    let interrupted = 0;
    for (let round = 1; round <= 10; round += 1) {
      const before = pushes();
      sender?.client.send(chatId, `round ${round}`);
      await world.clock.runUntil(() => pushes() > before, 120_000);
      world.process.kill();
      if (pushes() - before < 19) interrupted += 1;
      await restart(world);
      const back = (): boolean => world.installations.every(({ settled }) => settled);
      await world.clock.runUntil(back, 120_000);
    }
    expect(interrupted).toBeGreaterThan(0);
    await world.settle();
    expectClean(world);
  });

  test("the lost last push of a quiet chat is found by the comparison of counters, within 6 min", async () => {
    await using world = await busyWorld(2, 5);
    const chatId = chatOf(world);
    const [sender, reader] = world.installations;
    let lost = 0;
    world.network.losesFrame = (frame) => {
      if (!frame.startsWith('{"type":"message"')) return false;
      lost += 1;
      return true;
    };
    sender?.client.send(chatId, "is anybody there?");
    await world.clock.advance(10_000);
    world.network.losesFrame = () => false;
    expect(lost).toBe(1);
    expect(reader?.client.cursor(chatId)).toBe(0);
    await world.clock.runUntil(() => reader?.client.cursor(chatId) === 1, 6 * 60_000);
    await world.settle();
    expectClean(world);
  });
});

test("a watermark never falls: the late ack of one device does not undo that of the other", async () => {
  await using world = new SimulatedWorld({ seed: 24, environment: unlimited });
  const [sender, reader] = await world.seedUsers({ users: 2, chats: 1, members: 2 });
  if (sender === undefined || reader === undefined) throw new Error("too few users");
  await world.startProcess();
  const chatId = chatOf(world);
  const writing = await RawClient.connect(world, sender);
  for (let number = 1; number <= 5; number += 1) writing.sendMessage(chatId, numberedUuid(number), "text");
  const laptop = await RawClient.connect(world, reader);
  const phone = await RawClient.connect(world, { ...reader, device_id: numberedUuid(99) });
  const ack = (client: RawClient, sequence: number): void =>
    client.send({ type: "ack", payload: { chat_id: chatId, last_acked_sequence: sequence } });
  const stored = (): readonly number[] =>
    world.readStore().watermarks.map(({ lastAckedSequence }) => lastAckedSequence);
  phone.link.stall(3000);
  ack(phone, 3);
  ack(laptop, 5);
  await world.clock.advance(1000);
  expect(stored()).toEqual([5]);
  await world.clock.advance(5000);
  expect(stored()).toEqual([5]);
  ack(laptop, 6);
  await world.clock.advance(1000);
  expect(stored()).toEqual([5]);
});

describe("order on a connection", () => {
  test.each([1, 2, 3])(
    "holds over the switch between topic and own buffer, slow phases and changes of members (seed %d)",
    async (seed) => {
      await using world = new SimulatedWorld({ seed, environment: unlimited });
      world.network.receiveWindowBytes = 700;
      const seeded = await world.seedUsers({ users: 20, chats: 1, members: 20 });
      await world.startProcess();
      await world.enter(seeded, () => ({ ...calm, limitSends: false, sendsInFlightPerChat: 4 }));
      const chatId = chatOf(world);
      const [owner, sender, leaver, ...readers] = world.installations;
      if (owner === undefined || sender === undefined || leaver === undefined)
        throw new Error("too few users");
      for (let round = 0; round < 30; round += 1) {
        for (let count = 0; count < 5; count += 1) {
          sender.client.send(
            chatId,
            `round ${round} message ${count} ${"x".repeat(world.random.below(300))}`,
          );
          owner.client.send(chatId, `round ${round} reply ${count}`);
        }
        for (const reader of readers.filter(() => world.random.chance(0.3))) {
          reader.endpoint.link?.readEvery(world.random.pick([0, 20, 300]));
        }
        if (round % 5 === 4) {
          const joins = round % 2 === 1;
          const work = world.recorder.membershipChange<unknown>(
            chatId,
            leaver.userId,
            joins ? "joined" : "left",
            () =>
              joins
                ? owner.client.rest.addMember(chatId, leaver.userId)
                : owner.client.rest.removeMember(chatId, leaver.userId),
          );
          await world.drive(work, 60_000);
        }
        await world.clock.advance(world.random.between(20, 1500));
      }
      for (const reader of readers) reader.endpoint.link?.readEvery(0);
      await world.settle();
      expect(world.faults.of("server_blocked_by_reader")).toBeGreaterThan(0);
      expect(world.network.dropped).toEqual([]);
      const check = world.check({ memberGraceMs: 60_000, answerTimeoutMs: 60_000 });
      if (check.violations.length > 0) throw new Error(renderReport(check));
      expect(world.process.topicPublishes).toBeGreaterThan(0);
    },
    60_000,
  );
});

describe("what time takes away", () => {
  test("S-13: a repeated send is the same message for 7 days; afterwards its key is gone and it is a new one", async () => {
    await using world = new SimulatedWorld({
      seed: 13,
      environment: { AUTH_ACCESS_TOKEN_TTL_SECONDS: "3600" },
    });
    const [user] = await world.seedUsers({ users: 2, chats: 1, members: 2 });
    if (user === undefined) throw new Error("nobody was seeded");
    const chatId = chatOf(world);
    const id = numberedUuid(1);
    const sendOnce = async (): Promise<number> => {
      const access_token = await world.freshToken(user.access_token);
      const client = await RawClient.connect(world, { ...user, access_token });
      client.sendMessage(chatId, id, "the same words");
      await world.clock.runUntil(() => client.of("send_message_ack").length > 0, 5000);
      return client.of("send_message_ack")[0]?.payload.sequence ?? 0;
    };
    await world.startProcess();
    expect(await sendOnce()).toBe(1);
    world.process.kill();
    await world.clock.advance(7 * dayMs - 10 * 60_000);
    await world.startProcess();
    expect(await sendOnce()).toBe(1);
    expect(world.readStore().idempotencyKeys).toHaveLength(1);

    await world.clock.advance(30 * 60_000);
    expect(world.readStore().idempotencyKeys).toEqual([]);
    expect(world.readStore().messages).toHaveLength(1);
    expect(await sendOnce()).toBe(2);
  }, 60_000);
});
