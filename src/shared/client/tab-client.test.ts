/**
 * Goal: several tabs are one device with one connection, and the end of any of them is not noticed by the others.
 * Method: tabs in memory that can be closed or killed, one scripted server, one local storage, a virtual clock.
 */
import { expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { TriplaneClient } from "./client.ts";
import { RestError, SendError } from "./client-errors.ts";
import { restError, ScriptedServer, scriptedUser } from "./scripted-server.ts";
import { MemoryStorage } from "./storage-memory.ts";
import { TabClient } from "./tab-client.ts";
import type { TabMessage, Tabs } from "./tabs.ts";

/** The tabs of one browser: one lock, one channel. */
class Browser {
  readonly clock = new VirtualClock();
  readonly server = new ScriptedServer({ clock: this.clock, supportsHeaders: false, latencyMs: 5 });
  readonly storage = new MemoryStorage();
  readonly #waiting: (() => void)[] = [];
  #held = false;
  readonly #tabs = new Set<Set<(message: TabMessage) => void>>();
  #count = 0;

  async open(): Promise<{ readonly tab: TabClient; kill(): void }> {
    const listeners = new Set<(message: TabMessage) => void>();
    this.#tabs.add(listeners);
    let alive = true;
    let held: (() => void) | undefined;
    let own: TriplaneClient | undefined;
    const tabs: Tabs = {
      lead: async (signal) => {
        while (this.#held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        signal.throwIfAborted();
        if (!alive) throw new Error("the tab is gone");
        this.#held = true;
        held = () => {
          held = undefined;
          this.#held = false;
          for (const wake of this.#waiting.splice(0)) wake();
        };
        return () => held?.();
      },
      post: (message) => {
        if (!alive) return;
        const copy = structuredClone(message);
        for (const others of this.#tabs) {
          if (others !== listeners)
            this.clock.setTimer(1, () => {
              for (const listener of [...others]) listener(structuredClone(copy));
            });
        }
      },
      listen: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    this.#count++;
    const random = new SeededRandom(this.#count);
    const { clock, server, storage } = this;
    const opening = TabClient.open({
      tabs,
      clock: this.clock,
      random,
      openClient: async () => {
        own = await TriplaneClient.open({
          baseUrl: "http://server.test",
          clock,
          random,
          sockets: server.sockets,
          fetch: server.fetch,
          storage,
        });
        if (own.userId === undefined) await own.useSession(scriptedUser);
        return own;
      },
    });
    await clock.advance(10);
    const tab = await opening;
    return {
      tab,
      kill: () => {
        alive = false;
        own?.abandon();
        this.#tabs.delete(listeners);
        listeners.clear();
        held?.();
      },
    };
  }
}

test("two tabs share one connection, one login and every event", async () => {
  const browser = new Browser();
  const { clock, server } = browser;
  server.addChat("chat_A", 1);
  const first = await browser.open();
  const second = await browser.open();
  expect([first.tab.isLeading, second.tab.isLeading]).toEqual([true, false]);
  expect(second.tab.userId).toBe(scriptedUser.userId);
  const seen: number[] = [];
  second.tab.on("timelineAdvanced", ({ messages }) => seen.push(...messages.map((one) => one.sequence)));
  second.tab.connect().catch(() => undefined);
  await clock.advance(1_000);
  expect([first.tab.state, second.tab.state, second.tab.status]).toEqual(["Ready", "Ready", "connected"]);
  expect(server.connections.length).toBe(1);

  const outgoing = second.tab.send("chat_A", "from the second tab");
  await clock.advance(1_000);
  expect((await outgoing.acked).message.sequence).toBe(2);
  server.commitAndPush("chat_A", "for both");
  await clock.advance(1_000);
  expect(seen).toEqual([1, 2, 3]);
  const local = second.tab.messages("chat_A");
  await clock.advance(10);
  expect((await local).map((one) => one.sequence)).toEqual([1, 2, 3]);
  expect([first.tab.unsent, second.tab.unsent]).toEqual([[], []]);
});

test.each(["closed", "killed"])("when the leader is %s the next tab goes on with everything", async (how) => {
  const browser = new Browser();
  const { clock, server } = browser;
  server.addChat("chat_A", 1);
  const first = await browser.open();
  const second = await browser.open();
  const third = await browser.open();
  const seen: number[] = [];
  third.tab.on("timelineAdvanced", ({ messages }) => seen.push(...messages.map((one) => one.sequence)));
  first.tab.connect().catch(() => undefined);
  await clock.advance(1_000);
  // The server keeps the message but its answer never comes.
  server.onFrame = (frame) => {
    if (frame.type !== "send_message") return false;
    server.store(frame);
    return true;
  };
  const outgoing = third.tab.send("chat_A", "over the change of leaders");
  await clock.advance(100);
  server.onFrame = () => false;
  if (how === "killed") first.kill();
  else {
    const closed = first.tab.close();
    await clock.advance(100);
    await closed;
  }
  const late = third.tab.send("chat_A", "while nobody leads");
  await clock.advance(10_000);
  expect([second.tab.isLeading, third.tab.isLeading]).toEqual([true, false]);
  expect((await outgoing.acked).message.sequence).toBe(2);
  expect((await late.acked).message.sequence).toBe(3);
  expect(server.messages("chat_A").length).toBe(3);
  expect(seen).toEqual([1, 2, 3]);
  expect(third.tab.state).toBe("Ready");
});

test("errors arrive as the classes they were", async () => {
  const browser = new Browser();
  const { clock, server } = browser;
  await browser.open();
  const { tab } = await browser.open();
  server.onCall = (call) => (call.path === "/users/me" ? restError(403, "FORBIDDEN") : undefined);
  const call = tab.rest.me();
  call.catch(() => undefined);
  await clock.advance(1_000);
  const error = await call.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(RestError);
  expect(error).toMatchObject({ status: 403, code: "FORBIDDEN", requestId: "request-1", details: {} });
  expect((error as Error).message).toBe("FORBIDDEN (403): FORBIDDEN");
  expect(() => tab.send("chat_A", "")).toThrow(SendError);

  const failures: unknown[] = [];
  tab.on("sendFailed", ({ error: failure }) => failures.push(failure));
  tab.connect().catch(() => undefined);
  const refused = tab.send("chat_UNKNOWN", "to nobody");
  await clock.advance(1_000);
  await expect(refused.acked).rejects.toThrow("NOT_A_MEMBER");
  expect(failures[0]).toBeInstanceOf(SendError);
});

test("a call that may have taken effect is not made again by the next leader, a reading one is", async () => {
  const browser = new Browser();
  const { clock, server } = browser;
  const first = await browser.open();
  await browser.open();
  const { tab } = await browser.open();
  let answering = false;
  server.onCall = () => (answering ? undefined : "lost");
  const creation = tab.rest.createGroup("Team", ["user_B"]);
  const reading = tab.rest.me();
  creation.catch(() => undefined);
  await clock.advance(2);
  first.kill();
  answering = true;
  await clock.advance(60_000);
  await expect(creation).rejects.toThrow("whether it took effect is unknown");
  expect((await reading).user_id).toBe(scriptedUser.userId);
});

test("an aborted wait ends in its own tab", async () => {
  const browser = new Browser();
  await browser.open();
  const { tab } = await browser.open();
  const controller = new AbortController();
  const call = tab.rest.me(controller.signal);
  controller.abort(new Error("enough"));
  await expect(call).rejects.toThrow("enough");
});
