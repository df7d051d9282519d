/** The fan-out plane, composed. */
import { FanoutConsumer } from "./consume.ts";
import type { FanoutDeps } from "./fanout-deps.ts";

export interface Fanout {
  start(): Promise<void>;
  /** Finishes what is in hand, commits its offsets, leaves the consumer group. */
  drain(): Promise<void>;
}

export function createFanout(deps: FanoutDeps): Fanout {
  const consumer = new FanoutConsumer(deps);
  return { start: () => consumer.start(), drain: () => consumer.close() };
}
