/** Flow control, time-outs and capacity of the gateway, and the writer's bounds, with the contracts' defaults. */
import { limits } from "../../domain/limits.ts";
import { integerSetting } from "./setting.ts";

const amount = (description: string, byDefault: number, max: number) =>
  integerSetting(description, { default: byDefault, min: 1, max });

/** @param connectionsMax what the machine's descriptor limit allows; the default never exceeds it */
export function gatewaySettings(connectionsMax: number) {
  return {
    backpressure: {
      inbound: {
        rateLimitPerSecond: amount("messages per chat, user and second, sustained (L14)", 10, 1_000_000),
        rateLimitBurst: amount("messages per chat and user at once (L15)", 20, 1_000_000),
        maxQueueDepth: amount("requests waiting per connection (L19)", 100, 100_000),
        maxMessageSizeBytes: amount("content of a message in UTF-8 bytes", 4096, limits.contentBytesMax),
      },
      outbound: {
        maxBufferMessages: amount("messages waiting per connection", 1000, 1_000_000),
        maxBufferBytes: amount("bytes waiting per connection", 4_194_304, 1_073_741_824),
        maxTotalBufferBytes: amount("bytes waiting in the whole process", 268_435_456, 68_719_476_736),
        warningThresholdPercent: amount("a buffer this full has recovered below it", 80, 100),
        criticalThresholdPercent: amount("a buffer this full makes its reader a slow consumer", 95, 100),
        gracePeriodSeconds: amount("from the warning to the close of a slow consumer", 5, 3600),
      },
    },
    circuitBreaker: {
      failureThreshold: amount("failures in the window that open it", 5, 10_000),
      failureWindowSeconds: amount("window of the failures", 30, 3600),
      openDurationSeconds: amount("how long it stays open before a probe", 30, 3600),
      halfOpenProbeCount: amount("probes that must succeed to close it", 1, 100),
    },
    timeouts: {
      durabilityRpcSeconds: amount("deadline of a persist call", 5, 300),
      heartbeatIntervalSeconds: amount("interval of heartbeats", 5, 300),
      heartbeatTimeoutSeconds: amount(
        "a connection silent for this long is unhealthy; the interval stays below",
        10,
        600,
      ),
    },
    shutdown: {
      drainTimeoutSeconds: amount("time for draining; the process ends within 5 s more", 30, 3600),
    },
    routing: { expiryWindowSeconds: amount("silence that closes a connection and ends its route", 15, 3600) },
    revocation: {
      outageGraceMs: amount(
        "how long open connections outlive a revocation store that is down",
        300_000,
        86_400_000,
      ),
    },
    limits: {
      maxConnections: integerSetting("open connections; at most the descriptor limit less 1000", {
        default: Math.min(10_000, connectionsMax),
        min: 1,
        max: connectionsMax,
      }),
      maxConnectionAgeSeconds: amount("a connection older than this is asked to reconnect", 86_400, 604_800),
      memoryRefusePercent: amount("memory use that refuses new connections", 85, 100),
      memoryShedPercent: amount("memory use that closes connections", 95, 100),
    },
  };
}

export const durabilitySettings = {
  writer: {
    maxBatchMessages: amount(
      "messages of one chat committed together",
      limits.batchMessagesMax,
      limits.batchMessagesMax,
    ),
    maxWaitingPerChat: amount("messages of one chat waiting for the writer", 500, 100_000),
  },
};
