/**
 * Port: one client's socket, and the runtime's own publish. Bun's sockets in production, a simulated network in
 * tests. Text frames only.
 */
export interface Socket {
  /**
   * Hands frames over, in order, in one write where the runtime can. Call it only while the socket accepts:
   * `false` means everything was taken but bytes are waiting, so that nothing more may be handed over until
   * the drain callback. At most `sendBytesMax` per call, else the runtime would drop frames.
   */
  send(frames: readonly string[]): boolean;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Publishes to the topic's subscribers except this socket. */
  publish(topic: string, frame: string): void;
  /** Bytes handed over that the network has not taken yet. */
  bufferedBytes(): number;
  close(code: number, reason: string): void;
}

export interface TopicPublisher {
  publish(topic: string, frame: string): void;
}

/** The runtime's own buffer per socket: what it may hold before it drops frames. */
export const backpressureBytesMax = 2 * 1024 * 1024;
/** Most bytes handed to one socket before its buffer is looked at; leaves room for control frames. */
export const sendBytesMax = 512 * 1024;
/** Most bytes published, over all topics, between two looks at the subscribers' buffers. */
export const publishBytesMax = 512 * 1024;
