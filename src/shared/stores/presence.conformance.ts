/** What every presence must do, together with the routing table it derives from. Numbers are those of ADR-010. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ConnectionId, DeviceId, UserId } from "../domain/ids.ts";
import type { ConformanceTime } from "./conformance-time.ts";
import type { Presence, PresenceChange, UserPresence } from "./presence.ts";
import type { Route, RoutingTable } from "./routing-table.ts";

export interface OpenPresence {
  readonly store: Presence;
  readonly routing: RoutingTable;
  readonly time: ConformanceTime;
  close(): Promise<void>;
}

const alice = "user_alice" as UserId;
const offline: UserPresence = { status: "offline", lastSeenMs: null, deviceCount: 0 };

export function presenceConformance(name: string, open: () => Promise<OpenPresence>): void {
  describe(`${name} as Presence`, () => {
    let opened: OpenPresence;
    let time: ConformanceTime;

    beforeEach(async () => {
      opened = await open();
      ({ time } = opened);
    });
    afterEach(() => opened.close());

    const device = (number: number): Route => ({
      userId: alice,
      connectionId: `conn_${number}` as ConnectionId,
      deviceId: `00000000-0000-4000-8000-00000000000${number}` as DeviceId,
      serverId: "gw-001",
      connectedAtMs: time.nowMs(),
    });
    const connect = async (route: Route): Promise<PresenceChange | undefined> => {
      const { liveBefore, liveAfter } = await opened.routing.register(route);
      return opened.store.record(alice, liveBefore, liveAfter);
    };
    const disconnect = async (route: Route): Promise<PresenceChange | undefined> => {
      const left = await opened.routing.unregister(route);
      return opened.store.record(alice, left + 1, left);
    };
    const seen = async (): Promise<UserPresence | undefined> => (await opened.store.get([alice]))[0];

    test("P1: the first connection makes online, with one change", async () => {
      expect(await connect(device(1))).toEqual({
        userId: alice,
        status: "online",
        timestampMs: time.nowMs(),
      });
      expect(await seen()).toEqual({ status: "online", lastSeenMs: null, deviceCount: 1 });
    });

    test("P2: when the last connection leaves, offline with its time, one change, known for 20 s", async () => {
      await connect(device(1));
      await time.advance(3_000);
      const leftAtMs = time.nowMs();
      expect(await disconnect(device(1))).toEqual({
        userId: alice,
        status: "offline",
        timestampMs: leftAtMs,
      });
      expect(await seen()).toEqual({ ...offline, lastSeenMs: leftAtMs });
      await time.advance(19_000);
      expect(await seen()).toEqual({ ...offline, lastSeenMs: leftAtMs });
      await time.advance(2_000);
      expect(await seen()).toEqual(offline);
    });

    test("P3: when one of two leaves, still online with one device and no change", async () => {
      await connect(device(1));
      expect(await connect(device(2))).toBeUndefined();
      expect(await seen()).toMatchObject({ deviceCount: 2 });
      expect(await disconnect(device(1))).toBeUndefined();
      expect(await seen()).toEqual({ status: "online", lastSeenMs: null, deviceCount: 1 });
    });

    test("P4: an observer sees offline 14 s after the last connection left", async () => {
      await connect(device(1));
      await disconnect(device(1));
      await time.advance(14_000);
      expect(await seen()).toMatchObject({ status: "offline" });
    });

    test("P5: of two devices that register at one instant exactly one makes online", async () => {
      const changes = await Promise.all([connect(device(1)), connect(device(2))]);
      expect(changes.filter((change) => change?.status === "online")).toHaveLength(1);
      expect(await seen()).toMatchObject({ status: "online", deviceCount: 2 });
    });

    test("presence_staleness_bounded: a connection that vanished is offline after 15 s, last seen unknown", async () => {
      await connect(device(1));
      await time.advance(16_000);
      expect(await seen()).toEqual(offline);
      expect(await connect(device(1))).toMatchObject({ status: "online" });
    });

    test("a connection that is refreshed stays online", async () => {
      const route = device(1);
      await connect(route);
      for (let passedMs = 0; passedMs < 60_000; passedMs += 5_000) {
        await time.advance(5_000);
        await opened.routing.refresh([route]);
        await opened.store.refresh([alice]);
      }
      expect(await seen()).toEqual({ status: "online", lastSeenMs: null, deviceCount: 1 });
    });

    test("a connection that is unregistered twice leaves once; coming back counts anew", async () => {
      await connect(device(1));
      expect(await disconnect(device(1))).toMatchObject({ status: "offline" });
      expect(await disconnect(device(1))).toBeUndefined();
      expect(await connect(device(1))).toMatchObject({ status: "online" });
      expect(await seen()).toEqual({ status: "online", lastSeenMs: null, deviceCount: 1 });
      expect(await disconnect(device(1))).toMatchObject({ status: "offline" });
    });

    test("users nobody has seen are offline; answers come in the order asked", async () => {
      await connect(device(1));
      const nobody = "user_nobody" as UserId;
      const states = await opened.store.get([nobody, alice, nobody]);
      expect(states.map((state) => state.status)).toEqual(["offline", "online", "offline"]);
      expect(states[0]).toEqual(offline);
    });
  });
}
