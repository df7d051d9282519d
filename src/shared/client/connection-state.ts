/**
 * The life of one client's connection as a pure function: `step(model, input)` gives the next model and what is
 * to be done. Sockets, timers and tokens are the driver's (`connection.ts`).
 */
import { protocolLimits } from "../protocol/protocol-limits.ts";

export type ConnectionState =
  | "Disconnected"
  | "Connecting"
  | "Authenticating"
  | "Connected"
  | "Syncing"
  | "Ready"
  | "Closing";

/** What follows when a connection has ended. */
export type AfterClose =
  | { readonly kind: "stop"; readonly reason: string }
  | { readonly kind: "retry"; readonly minDelayMs: number }
  | { readonly kind: "at_once" };

export interface ConnectionModel {
  readonly state: ConnectionState;
  /** Failures since the last `connection_established`: the exponent of the back-off. */
  readonly attempt: number;
  readonly afterClose: AfterClose;
}

export type ConnectionInput =
  /** The user wants a connection, now: also ends a back-off. */
  | { readonly type: "connect" }
  | { readonly type: "retry_due" }
  /** The upgrade was accepted. */
  | { readonly type: "opened" }
  | { readonly type: "established" }
  | { readonly type: "sync_started" }
  | { readonly type: "synced" }
  | {
      readonly type: "closing_received";
      readonly reason: string;
      readonly reconnectDelayMs: number;
      readonly reconnectAllowed: boolean;
    }
  /** Connect anew without a pause: a fresh token is at hand. */
  | { readonly type: "renew" }
  | { readonly type: "disconnect" }
  /** What had to go out before closing has gone out. */
  | { readonly type: "flushed" }
  /** The socket is gone, or could not be opened. */
  | { readonly type: "lost"; readonly reason: string; readonly minDelayMs: number }
  /** A time limit passed: connect, authenticate, heartbeat answer, close. */
  | { readonly type: "timed_out"; readonly reason: string }
  /** No connection will be accepted any more. */
  | { readonly type: "stop"; readonly reason: string };

export type ConnectionEffect =
  | { readonly type: "open" }
  | { readonly type: "arm_limit"; readonly reason: string; readonly limitMs: number }
  | { readonly type: "clear_limit" }
  | { readonly type: "start_heartbeat" }
  | { readonly type: "stop_heartbeat" }
  | { readonly type: "flush" }
  /** Starts the closing handshake with 1000. */
  | { readonly type: "close_socket" }
  /** Lets go of the socket: nothing of it is heard any more. */
  | { readonly type: "drop_socket" }
  /** Delay: `minDelayMs` plus full jitter of the attempt; without an attempt no jitter. */
  | { readonly type: "schedule_retry"; readonly attempt: number | undefined; readonly minDelayMs: number }
  | { readonly type: "cancel_retry" }
  | { readonly type: "stopped"; readonly reason: string };

export interface ConnectionStep {
  readonly model: ConnectionModel;
  readonly effects: readonly ConnectionEffect[];
}

/** How long a closing handshake, and the flush before it, may take. */
export const closeLimitMs = 2000;

export const initialConnection: ConnectionModel = {
  state: "Disconnected",
  attempt: 0,
  afterClose: { kind: "stop", reason: "disconnected" },
};

const openStates: ReadonlySet<ConnectionState> = new Set(["Connected", "Syncing", "Ready"]);

/** An input that means nothing in the model's state changes nothing. */
export function step(model: ConnectionModel, input: ConnectionInput): ConnectionStep {
  const { state } = model;
  switch (input.type) {
    case "connect":
      if (state === "Closing") return to({ ...model, afterClose: { kind: "at_once" } }, state, []);
      if (state !== "Disconnected") return to(model, state, []);
      return opening({ ...model, attempt: 0 });
    case "retry_due":
      return state === "Disconnected" ? opening(model) : to(model, state, []);
    case "opened":
      if (state !== "Connecting") return to(model, state, []);
      return to(model, "Authenticating", [armLimit("authenticate")]);
    case "established":
      if (state !== "Authenticating") return to(model, state, []);
      return to({ ...model, attempt: 0 }, "Connected", [
        { type: "clear_limit" },
        { type: "start_heartbeat" },
      ]);
    case "sync_started":
      return to(model, state === "Connected" ? "Syncing" : state, []);
    case "synced":
      return to(model, state === "Syncing" ? "Ready" : state, []);
    case "closing_received":
      if (state === "Disconnected") return to(model, state, []);
      return closing(
        model,
        input.reconnectAllowed
          ? { kind: "retry", minDelayMs: input.reconnectDelayMs }
          : { kind: "stop", reason: input.reason },
      );
    case "renew":
      return openStates.has(state) ? closing(model, { kind: "at_once" }) : to(model, state, []);
    case "disconnect":
      return closing(model, { kind: "stop", reason: "disconnected" });
    case "flushed":
      return to(model, state, state === "Closing" ? [{ type: "close_socket" }] : []);
    case "lost":
    case "timed_out": {
      // While disconnected this is an echo of the past and must not disturb a pending retry.
      if (state === "Disconnected") return to(model, state, []);
      const minDelayMs = input.type === "lost" ? input.minDelayMs : 0;
      return ended(model, state === "Closing" ? model.afterClose : { kind: "retry", minDelayMs });
    }
    case "stop":
      return ended(model, { kind: "stop", reason: input.reason });
    default: {
      const exhaustive: never = input;
      return exhaustive;
    }
  }
}

function opening(model: ConnectionModel): ConnectionStep {
  return to(model, "Connecting", [{ type: "cancel_retry" }, { type: "open" }, armLimit("connect")]);
}

/** Closes in good order where there is something to close, ends at once where there is not. */
function closing(model: ConnectionModel, afterClose: AfterClose): ConnectionStep {
  if (openStates.has(model.state)) {
    return to({ ...model, afterClose }, "Closing", [
      { type: "stop_heartbeat" },
      { type: "arm_limit", reason: "close", limitMs: closeLimitMs },
      { type: "flush" },
    ]);
  }
  if (model.state !== "Closing") return ended(model, afterClose);
  // Once it was to stop, only the user can start it again.
  return to(model.afterClose.kind === "stop" ? model : { ...model, afterClose }, "Closing", []);
}

function ended(model: ConnectionModel, after: AfterClose): ConnectionStep {
  const release: ConnectionEffect[] = [
    { type: "clear_limit" },
    { type: "stop_heartbeat" },
    { type: "drop_socket" },
    { type: "cancel_retry" },
  ];
  switch (after.kind) {
    case "stop":
      return to({ ...model, attempt: 0 }, "Disconnected", [
        ...release,
        { type: "stopped", reason: after.reason },
      ]);
    case "at_once":
      return to(model, "Disconnected", [
        ...release,
        { type: "schedule_retry", attempt: undefined, minDelayMs: 0 },
      ]);
    case "retry":
      return to({ ...model, attempt: model.attempt + 1 }, "Disconnected", [
        ...release,
        { type: "schedule_retry", attempt: model.attempt, minDelayMs: after.minDelayMs },
      ]);
    default: {
      const exhaustive: never = after;
      return exhaustive;
    }
  }
}

function armLimit(reason: string): ConnectionEffect {
  return { type: "arm_limit", reason, limitMs: protocolLimits.answerTimeoutMs };
}

function to(
  model: ConnectionModel,
  state: ConnectionState,
  effects: readonly ConnectionEffect[],
): ConnectionStep {
  return { model: { ...model, state }, effects };
}
