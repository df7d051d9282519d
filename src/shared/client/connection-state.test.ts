/** Goal: no transition outside the contract, ever. Method: the whole table, then random inputs against it. */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import {
  type ConnectionInput,
  type ConnectionModel,
  type ConnectionState,
  initialConnection,
  step,
} from "./connection-state.ts";

const states: readonly ConnectionState[] = [
  "Disconnected",
  "Connecting",
  "Authenticating",
  "Connected",
  "Syncing",
  "Ready",
  "Closing",
];

const closing: ConnectionInput = {
  type: "closing_received",
  reason: "server_shutdown",
  reconnectDelayMs: 4000,
  reconnectAllowed: true,
};
const inputs: Readonly<Record<string, ConnectionInput>> = {
  connect: { type: "connect" },
  retry_due: { type: "retry_due" },
  opened: { type: "opened" },
  established: { type: "established" },
  sync_started: { type: "sync_started" },
  synced: { type: "synced" },
  closing,
  banned: { ...closing, reason: "duplicate_connection", reconnectAllowed: false },
  renew: { type: "renew" },
  disconnect: { type: "disconnect" },
  flushed: { type: "flushed" },
  lost: { type: "lost", reason: "close 1006", minDelayMs: 0 },
  timed_out: { type: "timed_out", reason: "heartbeat" },
  stop: { type: "stop", reason: "session_revoked" },
};

/** Where each input leads; what is not listed leads nowhere. */
const table: Readonly<Record<ConnectionState, Readonly<Record<string, ConnectionState>>>> = {
  Disconnected: { connect: "Connecting", retry_due: "Connecting" },
  Connecting: {
    opened: "Authenticating",
    closing: "Disconnected",
    banned: "Disconnected",
    disconnect: "Disconnected",
    lost: "Disconnected",
    timed_out: "Disconnected",
    stop: "Disconnected",
  },
  Authenticating: {
    established: "Connected",
    closing: "Disconnected",
    banned: "Disconnected",
    disconnect: "Disconnected",
    lost: "Disconnected",
    timed_out: "Disconnected",
    stop: "Disconnected",
  },
  Connected: {
    sync_started: "Syncing",
    closing: "Closing",
    banned: "Closing",
    renew: "Closing",
    disconnect: "Closing",
    lost: "Disconnected",
    timed_out: "Disconnected",
    stop: "Disconnected",
  },
  Syncing: {
    synced: "Ready",
    closing: "Closing",
    banned: "Closing",
    renew: "Closing",
    disconnect: "Closing",
    lost: "Disconnected",
    timed_out: "Disconnected",
    stop: "Disconnected",
  },
  Ready: {
    closing: "Closing",
    banned: "Closing",
    renew: "Closing",
    disconnect: "Closing",
    lost: "Disconnected",
    timed_out: "Disconnected",
    stop: "Disconnected",
  },
  Closing: { lost: "Disconnected", timed_out: "Disconnected", stop: "Disconnected" },
};

const modelIn = (state: ConnectionState): ConnectionModel => ({
  state,
  attempt: 3,
  afterClose: { kind: "retry", minDelayMs: 0 },
});

describe("the table of states and inputs", () => {
  for (const state of states) {
    for (const [name, input] of Object.entries(inputs)) {
      const target = table[state][name] ?? state;
      test(`${state}: ${name} leads to ${target}`, () => {
        expect(step(modelIn(state), input).model.state).toBe(target);
      });
    }
  }
});

/** The effects of the last of several inputs. */
function effectsAfter(...sequence: readonly ConnectionInput[]) {
  let model = initialConnection;
  let effects: ReturnType<typeof step>["effects"] = [];
  for (const input of sequence) ({ model, effects } = step(model, input));
  return effects;
}

const connected = ["connect", "opened", "established"].map((name) => inputs[name] as ConnectionInput);
const lost = inputs["lost"] as ConnectionInput;

describe("what follows a connection", () => {
  test("each failed attempt waits longer, connection_established starts the count over", () => {
    const connect = inputs["connect"] as ConnectionInput;
    const retry = inputs["retry_due"] as ConnectionInput;
    expect(effectsAfter(connect, lost)).toContainEqual({ type: "schedule_retry", attempt: 0, minDelayMs: 0 });
    expect(effectsAfter(connect, lost, retry, lost)).toContainEqual({
      type: "schedule_retry",
      attempt: 1,
      minDelayMs: 0,
    });
    expect(effectsAfter(connect, lost, retry, ...connected.slice(1), lost)).toContainEqual({
      type: "schedule_retry",
      attempt: 0,
      minDelayMs: 0,
    });
  });

  test("the server's delay is kept after its announcement", () => {
    expect(effectsAfter(...connected, closing, lost)).toContainEqual({
      type: "schedule_retry",
      attempt: 0,
      minDelayMs: 4000,
    });
  });

  test("an announcement without permission to return stops with its reason", () => {
    const effects = effectsAfter(...connected, inputs["banned"] as ConnectionInput, lost);
    expect(effects).toContainEqual({ type: "stopped", reason: "duplicate_connection" });
    expect(effects.some((effect) => effect.type === "schedule_retry")).toBe(false);
  });

  test("a fresh token leads to a new connection without a pause", () => {
    expect(effectsAfter(...connected, { type: "renew" }, lost)).toContainEqual({
      type: "schedule_retry",
      attempt: undefined,
      minDelayMs: 0,
    });
  });

  test("once it was to stop, an announcement does not bring it back, the user does", () => {
    const disconnect = inputs["disconnect"] as ConnectionInput;
    expect(effectsAfter(...connected, disconnect, closing, lost)).toContainEqual({
      type: "stopped",
      reason: "disconnected",
    });
    const again = effectsAfter(...connected, disconnect, inputs["connect"] as ConnectionInput, lost);
    expect(again.some((effect) => effect.type === "schedule_retry")).toBe(true);
  });

  test("a loss that is heard of late does not disturb a pending retry", () => {
    expect(effectsAfter(inputs["connect"] as ConnectionInput, lost, lost)).toEqual([]);
  });
});

test("random inputs: one socket at a time, heartbeats only while it lives, always a way on or a stop", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const random = new SeededRandom(seed);
  const all = Object.values(inputs);
  let model = initialConnection;
  let socket = false;
  let beating = false;
  let retry = false;
  let stopped = true;
  for (let count = 0; count < 20_000; count++) {
    const input = random.pick(all);
    // The driver has no due retry without a scheduled one.
    if (input.type === "retry_due" && !retry) continue;
    if (input.type === "retry_due") retry = false;
    const next = step(model, input);
    model = next.model;
    for (const effect of next.effects) {
      if (effect.type === "open") {
        expect(socket, `seed ${seed}: a second socket`).toBe(false);
        socket = true;
        stopped = false;
      }
      if (effect.type === "drop_socket") socket = false;
      if (effect.type === "start_heartbeat") beating = true;
      if (effect.type === "stop_heartbeat") beating = false;
      if (effect.type === "schedule_retry") retry = true;
      if (effect.type === "cancel_retry") retry = false;
      if (effect.type === "stopped") stopped = true;
    }
    expect(socket, `seed ${seed}`).toBe(model.state !== "Disconnected");
    expect(beating, `seed ${seed}`).toBe(["Connected", "Syncing", "Ready"].includes(model.state));
    if (model.state === "Disconnected") expect(retry !== stopped, `seed ${seed}`).toBe(true);
  }
});
