/**
 * Goal: a worker that dies anywhere leaves nothing undelivered on the embedded log.
 * Method: committed messages, workers that are cut off between polls, deliveries and commits, seeded.
 */
import { expect, test } from "bun:test";
import { FanoutWorld } from "../../tests/fakes/fanout-world.ts";
import { alice, bob, IngestCluster } from "../../tests/fakes/ingest-cluster.ts";
import { SqliteEventLog } from "../shared/stores/event-log.sqlite.ts";
import { LogTail } from "../shared/stores/sqlite/log-tail.ts";
import { FanoutConsumer } from "./consume.ts";

test.each([1, 2, 3, 4])(
  "commit_after_process: every committed message is delivered at least once, in order of first delivery (seed %d)",
  async (seed) => {
    const cluster = new IngestCluster(seed);
    const ingest = cluster.instance();
    const chats = [await cluster.createChat("A"), await cluster.createChat("B")];
    const world = new FanoutWorld(seed);
    for (const chat of chats) world.members.set(chat, [alice, bob]);
    world.servers.set(alice, ["gw-1"]).set(bob, ["gw-1"]);
    const { random } = world;
    const forever = new Promise<never>(() => undefined);
    for (let life = 0; life < 10; life++) {
      const alive = { now: true };
      const log = new SqliteEventLog(
        cluster.storage,
        new LogTail({ recordsMax: 50, producerId: "test" }),
        world.clock,
      );
      const deps = world.deps({ pollWaitMs: 20 }, log);
      const worker = new FanoutConsumer({
        ...deps,
        log: {
          append: (records) => (alive.now ? log.append(records) : forever),
          async consumer(group, subscribed, onRevoked) {
            const inner = await log.consumer(group, subscribed, onRevoked);
            const commit = inner.commit.bind(inner);
            const poll = inner.poll.bind(inner);
            inner.commit = (positions) => (alive.now ? commit(positions) : forever);
            inner.poll = (max, wait) => (alive.now ? poll(max, wait) : forever);
            return inner;
          },
        },
        gateways: {
          knows: () => false,
          async deliver(serverId, deliveries, timeoutMs) {
            if (!alive.now) await forever;
            await deps.gateways.deliver(serverId, deliveries, timeoutMs);
            if (random.float() < 0.3) await forever;
          },
        },
      });
      await worker.start();
      for (let n = random.below(30); n >= 0; n--) {
        await cluster.settled(ingest.persist(cluster.item(random.pick(chats))));
        if (random.float() < 0.5) await world.clock.advance(random.below(120));
      }
      alive.now = false;
    }
    const log = new SqliteEventLog(
      cluster.storage,
      new LogTail({ recordsMax: 50, producerId: "test" }),
      world.clock,
    );
    const last = new FanoutConsumer(world.deps({}, log));
    await last.start();
    await world.clock.advance(5000);
    await world.stop(last);
    for (const chat of chats) {
      const count = (await cluster.counter(chat)) ?? 0;
      const first = [...new Set(world.sequencesOf(chat))];
      expect(first).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    }
  },
);
