/** What every routing table must do. Scenario numbers are those of ADR-010. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ConnectionId, DeviceId, UserId } from "../domain/ids.ts";
import type { ConformanceTime } from "./conformance-time.ts";
import type { CloseCommand, Route, RoutingTable } from "./routing-table.ts";

export interface OpenRoutingTable {
  readonly store: RoutingTable;
  readonly time: ConformanceTime;
  close(): Promise<void>;
}

const alice = "user_alice" as UserId;
const bob = "user_bob" as UserId;
const phone = "00000000-0000-4000-8000-000000000001";
const tablet = "00000000-0000-4000-8000-000000000002";

export function routingTableConformance(name: string, open: () => Promise<OpenRoutingTable>): void {
  describe(`${name} as RoutingTable`, () => {
    let opened: OpenRoutingTable;
    let store: RoutingTable;
    let time: ConformanceTime;

    beforeEach(async () => {
      opened = await open();
      ({ store, time } = opened);
    });
    afterEach(() => opened.close());

    const route = (userId: UserId, connection: string, deviceId: string, serverId: string): Route => ({
      userId,
      connectionId: `conn_${connection}` as ConnectionId,
      deviceId: deviceId as DeviceId,
      serverId,
      connectedAtMs: time.nowMs(),
    });
    const serversOf = async (userId: UserId): Promise<string[]> =>
      [...((await store.serversOf([userId]))[0] ?? [])].sort();
    const refreshFor = async (routes: readonly Route[], totalMs: number): Promise<void> => {
      for (let passedMs = 0; passedMs < totalMs; passedMs += 5_000) {
        await time.advance(5_000);
        await store.refresh(routes);
      }
    };

    test("R1, zombie_prevention: an entry that nobody refreshes ends after 15 s, not before 14 s", async () => {
      await store.register(route(alice, "abc", phone, "gw-001"));
      await time.advance(14_000);
      expect(await serversOf(alice)).toEqual(["gw-001"]);
      await time.advance(2_000);
      expect(await serversOf(alice)).toEqual([]);
    });

    test("R2: after the old entry expired only the new connection is known", async () => {
      await store.register(route(alice, "abc", phone, "gw-001"));
      await time.advance(16_000);
      expect(await store.register(route(alice, "def", phone, "gw-002"))).toEqual({
        liveBefore: 0,
        liveAfter: 1,
        replaced: [],
      });
      expect(await serversOf(alice)).toEqual(["gw-002"]);
    });

    test("R3, multi_device_delivery: every server with a connection is named, once", async () => {
      await store.register(route(alice, "abc", phone, "gw-001"));
      expect(await store.register(route(alice, "def", tablet, "gw-002"))).toMatchObject({
        liveBefore: 1,
        liveAfter: 2,
        replaced: [],
      });
      await store.register(route(alice, "ghi", "00000000-0000-4000-8000-000000000003", "gw-002"));
      expect(await serversOf(alice)).toEqual(["gw-001", "gw-002"]);
    });

    test("R6: refresh brings entries back in full, whatever had vanished", async () => {
      const first = route(alice, "abc", phone, "gw-001");
      const second = route(alice, "def", tablet, "gw-002");
      await store.register(first);
      await store.register(second);
      expect(await store.refresh([first, second])).toEqual([
        { existed: true, superseded: false },
        { existed: true, superseded: false },
      ]);
      await time.advance(16_000);
      expect(await store.refresh([first, second])).toEqual([
        { existed: false, superseded: false },
        { existed: false, superseded: false },
      ]);
      expect(await serversOf(alice)).toEqual(["gw-001", "gw-002"]);
      await refreshFor([first, second], 30_000);
      expect(await serversOf(alice)).toEqual(["gw-001", "gw-002"]);
    });

    test("R7: a device that reconnects replaces its older connection", async () => {
      const old = route(alice, "abc", phone, "gw-001");
      await store.register(old);
      await store.register(route(alice, "tab", tablet, "gw-003"));
      await time.advance(1_000);
      expect(await store.register(route(alice, "def", phone, "gw-002"))).toEqual({
        liveBefore: 2,
        liveAfter: 2,
        replaced: [{ connectionId: "conn_abc" as ConnectionId, serverId: "gw-001" }],
      });
      expect(await serversOf(alice)).toEqual(["gw-002", "gw-003"]);
      expect(await store.unregister(old)).toBe(2);
    });

    test("R8: a crashed server's entry is gone by 20 s while another device stays", async () => {
      await store.register(route(alice, "abc", phone, "gw-001"));
      const other = route(alice, "def", tablet, "gw-002");
      await store.register(other);
      await refreshFor([other], 20_000);
      expect(await serversOf(alice)).toEqual(["gw-002"]);
    });

    test("a replaced connection that still refreshes is told so and does not come back", async () => {
      const old = route(alice, "abc", phone, "gw-001");
      await store.register(old);
      await time.advance(1_000);
      const renewed = route(alice, "def", phone, "gw-002");
      await store.register(renewed);
      const [outcome] = await store.refresh([old]);
      expect(outcome?.superseded).toBe(true);
      expect(await serversOf(alice)).toEqual(["gw-002"]);
      expect(await store.refresh([renewed])).toEqual([{ existed: true, superseded: false }]);
    });

    test("after a loss of all entries the newer of a device's connections wins, in either order", async () => {
      const old = route(alice, "abc", phone, "gw-001");
      await time.advance(1_000);
      const renewed = route(alice, "def", phone, "gw-002");
      for (const order of [
        [old, renewed],
        [renewed, old],
      ]) {
        for (const each of order) await store.refresh([each]);
        expect((await store.refresh([old, renewed])).map((outcome) => outcome.superseded)).toEqual([
          true,
          false,
        ]);
        expect(await serversOf(alice)).toEqual(["gw-002"]);
        await time.advance(16_000);
      }
    });

    test("registering the same connection again changes nothing but its expiry", async () => {
      const same = route(alice, "abc", phone, "gw-001");
      await store.register(same);
      await time.advance(10_000);
      expect(await store.register(same)).toEqual({ liveBefore: 1, liveAfter: 1, replaced: [] });
      await time.advance(10_000);
      expect(await serversOf(alice)).toEqual(["gw-001"]);
    });

    test("unregister is idempotent, answers what is left and keeps a server that holds another connection", async () => {
      const first = route(alice, "abc", phone, "gw-001");
      const second = route(alice, "def", tablet, "gw-001");
      await store.register(first);
      await store.register(second);
      expect(await store.unregister(first)).toBe(1);
      expect(await store.unregister(first)).toBe(1);
      expect(await serversOf(alice)).toEqual(["gw-001"]);
      expect(await store.unregister(second)).toBe(0);
      expect(await store.unregister(second)).toBe(0);
      expect(await serversOf(alice)).toEqual([]);
    });

    test("users do not see each other's connections; answers come in the order asked", async () => {
      await store.register(route(alice, "abc", phone, "gw-001"));
      // The same device may be used by another account.
      expect(await store.register(route(bob, "def", phone, "gw-002"))).toMatchObject({
        liveAfter: 1,
        replaced: [],
      });
      expect(await store.serversOf([bob, "user_nobody" as UserId, alice, bob])).toEqual([
        ["gw-002"],
        [],
        ["gw-001"],
        ["gw-002"],
      ]);
      expect(await store.serversOf([])).toEqual([]);
      expect(await store.refresh([])).toEqual([]);
    });

    test("the counts of concurrent registrations are those of one after another", async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          store.register(
            route(alice, `c${index}`, `00000000-0000-4000-8000-0000000000${index + 10}`, `gw-${index % 3}`),
          ),
        ),
      );
      expect(outcomes.map((outcome) => outcome.liveBefore).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, index) => index),
      );
      expect(outcomes.every((outcome) => outcome.liveAfter === outcome.liveBefore + 1)).toBe(true);
      expect(await serversOf(alice)).toEqual(["gw-0", "gw-1", "gw-2"]);
    });

    test("of one device's concurrent registrations exactly one stays", async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          store.register(route(alice, `c${index}`, phone, `gw-${index}`)),
        ),
      );
      expect(outcomes.flatMap((outcome) => outcome.replaced)).toHaveLength(19);
      expect(await serversOf(alice)).toHaveLength(1);
    });

    test("the epoch stays while the table keeps its data", async () => {
      const first = route(alice, "abc", phone, "gw-001");
      await store.register(first);
      const epoch = await store.epoch();
      expect(epoch).toBeString();
      await store.refresh([first]);
      await store.register(route(bob, "def", phone, "gw-001"));
      await store.unregister(first);
      expect(await store.epoch()).toBe(epoch as string);
    });

    test("the epoch of another table is another", async () => {
      const other = await open();
      try {
        await store.register(route(alice, "abc", phone, "gw-001"));
        await other.store.register(route(alice, "abc", phone, "gw-001"));
        expect(await store.epoch()).not.toBe((await other.store.epoch()) as string);
      } finally {
        await other.close();
      }
    });

    test("a close command reaches the listeners of its server alone, until they leave", async () => {
      const seen: string[] = [];
      const command: CloseCommand = {
        type: "close",
        connectionId: "conn_abc" as ConnectionId,
        reason: "duplicate_connection",
      };
      const received = new Promise<void>((resolve) => {
        const stop = store.onClose("gw-001", (got) => {
          expect(got).toEqual(command);
          seen.push("gw-001");
          stop();
          resolve();
        });
      });
      const stopOther = store.onClose("gw-002", () => seen.push("gw-002"));
      await store.sendClose("gw-001", command);
      await received;
      await store.sendClose("gw-001", command);
      await store.sendClose("gw-nobody", command);
      expect(seen).toEqual(["gw-001"]);
      stopOther();
    });
  });
}
