/** Goal: typing shows and goes away by itself, and costs little. Method: the part alone on a virtual clock. */
import { expect, test } from "bun:test";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import type { ClientEvents } from "./events.ts";
import { Typing } from "./typing.ts";

function start() {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const shown: ClientEvents["typing"][] = [];
  const link = { ready: true };
  const typing = new Typing(clock, {
    ready: () => link.ready,
    send: (frame) => {
      sent.push(frame.type);
      return true;
    },
    onTyping: (event) => shown.push(event),
  });
  const indicate = (is_typing: boolean): void =>
    typing.onIndicator({
      type: "typing_indicator",
      timestamp: "",
      payload: { chat_id: "chat_A", user_id: "user_B", is_typing },
    });
  return { clock, sent, shown, link, typing, indicate };
}

test("a start per keystroke goes out every 3 s, one stop ends it", async () => {
  const { clock, sent, typing } = start();
  for (let keystroke = 0; keystroke < 70; keystroke++) {
    typing.start("chat_A");
    await clock.advance(100);
  }
  typing.stop("chat_A");
  typing.stop("chat_A");
  expect(sent).toEqual(["typing_start", "typing_start", "typing_start", "typing_stop"]);
});

test("while not connected nothing is sent", () => {
  const { sent, link, typing } = start();
  link.ready = false;
  typing.start("chat_A");
  typing.stop("chat_A");
  expect(sent).toEqual([]);
});

test("an indicator is told once, is kept alive by repeats, and ends after 10 s of silence", async () => {
  const { clock, shown, indicate } = start();
  indicate(true);
  await clock.advance(8_000);
  indicate(true);
  await clock.advance(8_000);
  expect(shown).toEqual([{ chatId: "chat_A", userId: "user_B", isTyping: true }]);
  await clock.advance(2_000);
  expect(shown.at(-1)).toEqual({ chatId: "chat_A", userId: "user_B", isTyping: false });
  expect(clock.pendingTimers).toBe(0);
});

test("a stop, a message of the sender and a lost connection end it, each once", () => {
  const { shown, typing, indicate } = start();
  indicate(true);
  indicate(false);
  indicate(false);
  indicate(true);
  typing.onMessage("chat_A", "user_B");
  indicate(true);
  typing.onDown();
  expect(shown.map((event) => event.isTyping)).toEqual([true, false, true, false, true, false]);
});
