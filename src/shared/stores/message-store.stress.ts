/** Random writers, two instances, readers meanwhile: the invariants of messages hold whatever the schedule. */
import { expect } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import type { ChatId } from "../domain/ids.ts";
import {
  batchOf,
  chatIdOf,
  clientIdOf,
  messageIdAt,
  messageOf,
  type OpenMessageStore,
  readAll,
  startMs,
} from "./message-store.harness.ts";
import type { ChatBatch, MessageStore } from "./message-store.ts";

const chats = ["one", "two", "three"].map(chatIdOf);
const rounds = 60;
/** Few ids per chat, so that many sends repeat an earlier one. */
const clientIds = 150;

/** What every writer was told, to be compared with what is stored. */
type Told = Map<string, { readonly sequence: number; readonly messageId: string }>;

export async function stress(opened: OpenMessageStore, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  for (const chat of chats) await opened.createChat(chat);
  const told: Told = new Map();
  const writers = [opened.store, opened.other, opened.store].map((store, index) =>
    write(store, random, index + 1, told),
  );
  let writing = true;
  const reader = read(opened.other, random, () => writing);
  await Promise.all(writers);
  writing = false;
  await reader;
  for (const chat of chats) await checkAtRest(opened.store, chat, told);
}

async function write(store: MessageStore, random: SeededRandom, writer: number, told: Told): Promise<void> {
  const held = new Map(chats.map((chat) => [chat, 0]));
  for (let round = 0; round < rounds; round += 1) {
    const batches = chats
      .filter(() => random.float() < 0.7)
      .map((chat) => randomBatch(chat, held.get(chat) ?? 0, random, writer * 1_000_000 + round * 1000));
    const outcomes = await store.commit(batches);
    for (const [index, outcome] of outcomes.entries()) {
      const batch = batches[index] as ChatBatch;
      if (outcome.kind === "lost_race") held.set(batch.chatId, outcome.counter.sequence);
      else if (outcome.kind === "committed") {
        held.set(batch.chatId, outcome.sequence);
        for (const [place, result] of outcome.results.entries()) {
          const message = batch.messages[place];
          const answer =
            result.kind === "stored"
              ? { sequence: result.sequence, messageId: message?.messageId as string }
              : { sequence: result.key.sequence, messageId: result.key.messageId };
          const key = `${batch.chatId} ${message?.clientMessageId}`;
          // I-03, G-04: every send with this id hears the same.
          expect(answer).toEqual(told.get(key) ?? answer);
          told.set(key, answer);
        }
      } else throw new Error(`a batch ended as ${outcome.kind}`);
    }
  }
}

function randomBatch(chatId: ChatId, held: number, random: SeededRandom, salt: number): ChatBatch {
  const numbers = new Set(Array.from({ length: 1 + random.below(12) }, () => random.below(clientIds)));
  const messages = [...numbers].map((number) =>
    messageOf(number, {
      clientMessageId: clientIdOf(number),
      messageId: messageIdAt(startMs + salt, salt + number),
      content: `${salt} ${number}`,
    }),
  );
  return batchOf(chatId, held, messages);
}

/** I-47: no page ever shows a hole; I-29, I-30: the counter never runs ahead of, nor behind, what is stored. */
async function read(store: MessageStore, random: SeededRandom, writing: () => boolean): Promise<void> {
  while (writing()) {
    const chat = random.pick(chats);
    const [before] = await store.counters([chat]);
    const messages = await readAll(store, chat, 1 + random.below(40));
    expect(messages.map((message) => message.sequence)).toEqual(messages.map((_, index) => index + 1));
    expect(messages.length).toBeGreaterThanOrEqual(before?.sequence ?? Number.POSITIVE_INFINITY);
  }
}

async function checkAtRest(store: MessageStore, chat: ChatId, told: Told): Promise<void> {
  const messages = await readAll(store, chat, 500);
  const [counter] = await store.counters([chat]);
  // I-01, I-27, I-34, I-47: 1 … counter, each once; I-29, I-30, I-31: the counter is exactly their number.
  expect(messages.map((message) => message.sequence)).toEqual(messages.map((_, index) => index + 1));
  expect(counter?.sequence).toBe(messages.length);
  if (store.publishesOnCommit) expect(counter?.publishedSequence).toBe(messages.length);
  // I-32: key and message agree; G-04: one message per key.
  const names = messages.flatMap(({ clientMessageId }) =>
    clientMessageId === undefined ? [] : [{ chatId: chat, clientMessageId }],
  );
  const keys = await store.findKeys(names);
  expect(keys.map((key) => [key?.sequence, key?.messageId])).toEqual(
    messages.map(({ sequence, messageId }) => [sequence, messageId]),
  );
  expect(new Set(names.map((name) => name.clientMessageId)).size).toBe(messages.length);
  // I-33: everything that was told is stored.
  for (const message of messages) {
    expect(told.get(`${chat} ${message.clientMessageId}`)).toEqual({
      sequence: message.sequence,
      messageId: message.messageId,
    });
  }
  const acknowledged = [...told.keys()].filter((key) => key.startsWith(`${chat} `));
  expect(acknowledged.length).toBe(messages.length);
}
