/** Goal: watermarks are cumulative, batched and never fall. Method: the acker alone on a virtual clock. */
import { expect, test } from "bun:test";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { Acker } from "./acker.ts";

function start() {
  const clock = new VirtualClock();
  const link = { ready: true, up: true };
  const sent: [string, number][] = [];
  const acker = new Acker(clock, {
    ready: () => link.ready,
    send: () => link.up,
    onSent: (chatId, sequence) => sent.push([chatId, sequence]),
  });
  return { clock, link, sent, acker };
}

test("a position that is told late does not lower the watermark", async () => {
  const { clock, sent, acker } = start();
  acker.advance("chat_A", 5, 1);
  acker.advance("chat_A", 3, 1);
  await clock.advance(5_000);
  expect(sent).toEqual([["chat_A", 5]]);
});

test("10 messages over all chats flush every chat, once", async () => {
  const { clock, sent, acker } = start();
  for (let sequence = 1; sequence <= 5; sequence++) {
    acker.advance("chat_A", sequence, 1);
    acker.advance("chat_B", sequence, 1);
  }
  expect(sent).toEqual([
    ["chat_A", 5],
    ["chat_B", 5],
  ]);
  await clock.advance(60_000);
  expect(sent.length).toBe(2);
});

test("nothing goes out while it may not, everything that is due goes with the flush", () => {
  const { link, sent, acker } = start();
  link.ready = false;
  acker.advance("chat_A", 20, 20);
  expect(sent).toEqual([]);
  acker.flush();
  expect(sent).toEqual([["chat_A", 20]]);
});

test("an ack that the connection did not take stays due", () => {
  const { link, sent, acker } = start();
  link.up = false;
  acker.advance("chat_A", 20, 20);
  link.up = true;
  acker.flush();
  expect(sent).toEqual([["chat_A", 20]]);
});

test("a restored position is told again only when the server lacks it", () => {
  const { sent, acker } = start();
  acker.restore("chat_A", 7);
  acker.flush();
  expect(sent).toEqual([]);
  acker.serverHas("chat_A", 7);
  acker.flush();
  expect(sent).toEqual([]);
  acker.serverHas("chat_A", 6);
  acker.flush();
  expect(sent).toEqual([["chat_A", 7]]);
});
