/**
 * Goal: dense, unique, idempotent, nothing acknowledged lost, under any schedule of faults.
 * Method: seeded schedules of sends and repetitions over two instances while commits are delayed, lost, raced or
 * answered with nothing; readers poll meanwhile; the whole store is judged at the end. The seed is in the name of
 * what fails; TRIPLANE_INGEST_SEED repeats one.
 */
import { expect, test } from "bun:test";
import { clientIdOf, IngestCluster, upTo } from "../../tests/fakes/ingest-cluster.ts";
import type { CommitFault } from "../../tests/fakes/message-store.ts";
import type { SeededRandom } from "../../tests/simulation/seeded-random.ts";
import type { ChatId } from "../shared/domain/ids.ts";
import type { PersistItem } from "./persist-messages.ts";
import { syncMessages } from "./sync-messages.ts";

const fixedSeed = Bun.env["TRIPLANE_INGEST_SEED"];
const seeds =
  fixedSeed === undefined ? Array.from({ length: 15 }, (_, index) => index + 1) : [Number(fixedSeed)];
const sendsPerSender = 40;

function drawFault(random: SeededRandom): CommitFault | undefined {
  const dice = random.float();
  if (dice < 0.08) return { kind: "unavailable" };
  if (dice < 0.14) return { kind: "unknown_before" };
  if (dice < 0.2) return { kind: "unknown_after" };
  if (dice < 0.23) return { kind: "throws_before" };
  if (dice < 0.26) return { kind: "throws_after" };
  if (dice < 0.6) return { kind: "slow", beforeMs: random.below(700), afterMs: random.below(700) };
  return undefined;
}

interface Acked {
  readonly chatId: ChatId;
  readonly clientMessageId: string;
  readonly sequence: number;
  readonly messageId: string;
}

test.each(seeds)(
  "I-47 I-02 I-29 I-30 I-31 I-32 I-33 G-02 G-10 S-14 any schedule of faults keeps the promises (seed %d)",
  async (seed) => {
    const cluster = new IngestCluster(seed);
    const instances = [cluster.instance(), cluster.instance()];
    const { random } = cluster;
    for (const { store } of instances) store.draw = () => drawFault(random);
    const chats = [await cluster.createChat("A"), await cluster.createChat("B")];
    const acked: Acked[] = [];
    let sending = 4;

    const sender = async (number: number): Promise<void> => {
      for (let n = 0; n < sendsPerSender; n++) {
        const chatId = random.pick(chats);
        // Some ids are shared between senders, as a client's two devices may do.
        const id = random.float() < 0.15 ? 10_000 + random.below(30) : number * 1000 + n;
        const item: PersistItem = cluster.item(chatId, {
          clientMessageId: clientIdOf(id),
          content: `text ${id}`,
          deadlineMs: 200 + random.below(2000),
        });
        for (let attempt = 0; attempt < 50; attempt++) {
          const [result] = await random.pick(instances).persist(item);
          if (result?.ok !== true) continue;
          const { sequence, messageId } = result;
          acked.push({ chatId, clientMessageId: item.clientMessageId, sequence, messageId });
          break;
        }
      }
      sending--;
    };
    const reader = async (): Promise<void> => {
      while (sending > 0) {
        const chatId = random.pick(chats);
        const after = random.below(5);
        const page = await syncMessages(random.pick(instances).deps, {
          chatId,
          userId: "user_ALICE" as never,
          after,
          limit: 500,
        });
        const sequences = page.messages.map(({ sequence }) => sequence);
        expect(sequences).toEqual([...upTo(after + sequences.length, after + 1)]);
        const [counter] = await cluster.truth.counters([chatId]);
        expect(sequences.at(-1) ?? 0).toBeLessThanOrEqual(counter?.sequence ?? 0);
        await new Promise<void>((resolve) => void cluster.clock.setTimer(50, resolve));
      }
    };
    await cluster.settled(Promise.all([1, 2, 3, 4].map(sender).concat(reader())), 24 * 3600 * 1000);
    for (const { loop } of instances) await cluster.settled(loop.close());

    expect(instances.reduce((sum, { store }) => sum + store.fired, 0)).toBeGreaterThan(50);
    expect(acked.length).toBeGreaterThan(sendsPerSender * 4 * 0.9);
    const events = await cluster.events();
    for (const chatId of chats) {
      const stored = await cluster.stored(chatId);
      expect(stored.map(({ sequence }) => sequence)).toEqual([...upTo(stored.length)]);
      expect(await cluster.counter(chatId)).toBe(stored.length);
      expect(new Set(stored.map(({ clientMessageId }) => clientMessageId)).size).toBe(stored.length);
      expect(new Set(stored.map(({ messageId }) => messageId)).size).toBe(stored.length);
      const own = events.filter((event) => event.chatId === chatId).map(({ sequence }) => sequence);
      expect(own).toEqual([...upTo(stored.length)]);
      const keys = await cluster.truth.findKeys(
        stored.map(({ clientMessageId }) => ({ chatId, clientMessageId: clientMessageId as never })),
      );
      for (const [index, message] of stored.entries()) {
        expect(keys[index]).toMatchObject({ sequence: message.sequence, messageId: message.messageId });
      }
      for (const ack of acked.filter((one) => one.chatId === chatId)) {
        expect(stored[ack.sequence - 1]).toMatchObject({
          messageId: ack.messageId as never,
          clientMessageId: ack.clientMessageId as never,
        });
      }
    }
  },
);
