/** Goal: no false alarms. Method: clean histories of a correct model under faults, many seeds. */
import { describe, expect, test } from "bun:test";
import { checkHistory } from "./check-history.ts";
import { defaultCheckOptions } from "./check-options.ts";
import { generateHistory } from "./generate-history.ts";
import { renderReport } from "./report.ts";

const options = { ...defaultCheckOptions, echoesAllowed: false };

describe("a clean history", () => {
  test("passes, whatever the seed", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const { events, store } = generateHistory(seed, { clients: 6, chats: 3, actions: 400 });
      const result = checkHistory(events, store, options);
      expect(`seed ${seed}: ${renderReport(result)}`).toContain("\n0 violations");
    }
  }, 60_000);

  test("holds every kind of event, so that the checks have something to look at", () => {
    const { events } = generateHistory(7, { clients: 6, chats: 3, actions: 1000 });
    const kinds = new Set(events.map((event) => event.kind));
    expect([...kinds].sort()).toEqual([
      "ack_received",
      "client_started",
      "connection_closed",
      "connection_established",
      "error_received",
      "heartbeat_acked",
      "heartbeat_sent",
      "history_read",
      "membership_changed",
      "message_pushed",
      "page_received",
      "process_killed",
      "process_started",
      "send_started",
      "settled",
      "sync_started",
      "timeline_delivered",
      "timeline_shown",
      "watermark_read",
      "watermark_sent",
    ]);
  });

  test("may be put together from one recording per client", () => {
    const { events, store } = generateHistory(3, { clients: 4, chats: 2, actions: 200 });
    const recordings = Map.groupBy(events, (event) => ("client" in event ? event.client : ""));
    const result = checkHistory([...recordings.values()].reverse().flat(), store, options);
    expect(result.violations).toEqual([]);
    expect(result.counts).toEqual(checkHistory(events, store, options).counts);
  });

  test("an empty history of an empty store is clean and says that nothing happened", () => {
    const store = { messages: [], counters: [], idempotencyKeys: [], watermarks: [], memberships: [] };
    const result = checkHistory([], store, options);
    expect(result.violations).toEqual([]);
    expect(result.counts).toMatchObject({ sends: 0, acks: 0, stored: 0, settled: false });
  });
});

describe("counts", () => {
  test("tell sends, transmissions, acks, duplicates, unknown outcomes and reconnects apart", () => {
    const { events, store } = generateHistory(11, { clients: 6, chats: 3, actions: 800 });
    const { counts } = checkHistory(events, store, options);
    const of = (kind: string): number => events.filter((event) => event.kind === kind).length;
    expect(counts).toMatchObject({
      clients: 6,
      chats: 3,
      transmissions: of("send_started"),
      acks: of("ack_received"),
      connections: of("connection_established"),
      reconnects: of("connection_established") - 6,
      kills: of("process_killed"),
      stored: store.messages.length,
      settled: true,
    });
    expect(counts.duplicateAnswers).toBe(counts.acks - store.messages.length);
    expect(counts.unknownOutcomes).toBeGreaterThan(0);
    expect(counts.transmissions).toBeGreaterThan(counts.sends);
  });
});
