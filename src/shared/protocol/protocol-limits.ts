/** Numbers of the protocol that both sides obey. */
export const protocolLimits = {
  protocolVersion: 1,
  /** A client's frame, whole envelope, UTF-8. */
  frameBytesMax: 65_536,
  /** Content of a message, UTF-8. */
  contentBytesMax: 4096,
  requestIdLengthMax: 36,
  syncPageDefault: 100,
  syncPageMax: 500,
  syncsInFlightMax: 5,
  syncsPerSecond: 5,
  /** The client drops the link when no heartbeat_ack came for this long. */
  heartbeatTimeoutMs: 10_000,
  /** One attempt: connect, connection_established, or the answer to a send. */
  answerTimeoutMs: 10_000,
  ackIntervalMs: 5000,
  ackBatchMessages: 10,
  backoffBaseMs: 1000,
  backoffCapMs: 30_000,
  /** How long a typing indicator lives without an update. */
  typingExpiryMs: 10_000,
  sequenceMax: Number.MAX_SAFE_INTEGER,
} as const;
