/**
 * Goal: the facts about Bun's sockets that our back-pressure rests on still hold for the Bun that is pinned.
 * Method: a real server with our limits and a client that reads, or does not.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import type { Server, ServerWebSocket } from "bun";
import { backpressureBytesMax, sendBytesMax } from "./socket.ts";

interface Opened {
  readonly server: Server<undefined>;
  readonly socket: ServerWebSocket<undefined>;
  readonly client: WebSocket;
  readonly received: string[];
  until(count: number): Promise<void>;
}

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

function serve(onOpen: (socket: ServerWebSocket<undefined>) => void, onDrain: () => void): Server<undefined> {
  const server = Bun.serve<undefined>({
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no", { status: 400 })),
    websocket: {
      backpressureLimit: backpressureBytesMax,
      closeOnBackpressureLimit: false,
      perMessageDeflate: false,
      publishToSelf: false,
      message: () => undefined,
      open: onOpen,
      drain: onDrain,
    },
  });
  cleanUps.push(() => void server.stop(true));
  return server;
}

async function open(): Promise<Opened> {
  const opened = Promise.withResolvers<ServerWebSocket<undefined>>();
  const server = serve(opened.resolve, () => undefined);
  const client = new WebSocket(`ws://127.0.0.1:${server.port}`);
  const received: string[] = [];
  let wake = (): void => undefined;
  client.onmessage = ({ data }) => {
    received.push(String(data));
    wake();
  };
  const socket = await opened.promise;
  return {
    server,
    socket,
    client,
    received,
    until: (count) =>
      new Promise((resolve) => {
        wake = () => {
          if (received.length >= count) resolve();
        };
        wake();
      }),
  };
}

/** A handshake by hand, then silence. */
async function stalled() {
  const opened = Promise.withResolvers<ServerWebSocket<undefined>>();
  const drained = Promise.withResolvers<void>();
  const server = serve(opened.resolve, drained.resolve);
  const tcp: Socket = connect(server.port ?? 0, "127.0.0.1");
  cleanUps.push(() => tcp.destroy());
  tcp.pause();
  tcp.write(
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  return { server, tcp, socket: await opened.promise, drained: drained.promise };
}

describe("order on one socket", () => {
  test("a publish, then a send: the publish arrives first", async () => {
    const { server, socket, received, until } = await open();
    socket.subscribe("t");
    const expected: string[] = [];
    for (let n = 0; n < 200; n++) {
      if (n % 3 === 0) socket.send(`${n}`);
      else server.publish("t", `${n}`);
      expected.push(`${n}`);
    }
    await until(200);
    expect(received).toEqual(expected);
  });

  test("a publish, unsubscribe, then a send: the publish arrives, and first", async () => {
    const { server, socket, received, until } = await open();
    for (let n = 0; n < 50; n++) {
      socket.subscribe("t");
      server.publish("t", `published ${n}`);
      socket.unsubscribe("t");
      socket.send(`sent ${n}`);
      server.publish("t", "to nobody");
    }
    await until(100);
    expect(received).toEqual(Array.from({ length: 50 }, (_, n) => [`published ${n}`, `sent ${n}`]).flat());
  });

  test("publishes of two topics keep the order in which they were made", async () => {
    const { server, socket, received, until } = await open();
    socket.subscribe("a");
    socket.subscribe("b");
    for (let n = 0; n < 100; n++) server.publish(n % 2 === 0 ? "a" : "b", `${n}`);
    await until(100);
    expect(received).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`));
  });

  test("a socket's own publish reaches the others and not itself", async () => {
    const { server, socket, received, until } = await open();
    socket.subscribe("t");
    expect(server.subscriberCount("t")).toBe(1);
    socket.publish("t", "own");
    server.publish("t", "server's");
    await until(1);
    expect(received).toEqual(["server's"]);
  });

  test("frames of one cork arrive whole and in order", async () => {
    const { socket, received, until } = await open();
    socket.cork(() => {
      for (let n = 0; n < 300; n++) socket.send(`${n} ${"x".repeat(500)}`);
    });
    await until(300);
    expect(received.map((text) => Number.parseInt(text, 10))).toEqual(
      Array.from({ length: 300 }, (_, n) => n),
    );
  });
});

describe("back-pressure", () => {
  test("bounded_buffer send says -1 while it keeps the frame, 0 once the limit is passed and the frame is dropped", async () => {
    const { socket } = await stalled();
    const frame = "x".repeat(64 * 1024);
    const results: number[] = [];
    while (results.at(-1) !== 0 && results.length < 10_000) results.push(socket.send(frame));
    expect(results.at(-1)).toBe(0);
    const firstBlocked = results.indexOf(-1);
    expect(firstBlocked).toBeGreaterThan(-1);
    // Once back-pressure began it keeps far more than we ever hand over between two looks.
    const kept = results.slice(firstBlocked, -1).length * frame.length;
    expect(kept).toBeGreaterThan(sendBytesMax * 3);
    expect(socket.getBufferedAmount()).toBeLessThanOrEqual(backpressureBytesMax + 2 * frame.length);
    expect(socket.getBufferedAmount()).toBeGreaterThan(0);
  });

  test("what is handed over below our bounds is never dropped, by send and by publish, and drain follows", async () => {
    const { server, socket, tcp, drained } = await stalled();
    socket.subscribe("t");
    const frame = "y".repeat(16 * 1024);
    while (socket.getBufferedAmount() === 0) socket.send(frame);
    const before = socket.getBufferedAmount();
    const count = (2 * sendBytesMax) / frame.length;
    for (let n = 0; n < count; n++) server.publish("t", frame);
    expect(socket.send("last")).toBe(-1);
    expect(socket.getBufferedAmount()).toBeGreaterThanOrEqual(before + count * frame.length);
    let bytes = 0;
    let tail = "";
    tcp.on("data", (chunk) => {
      bytes += chunk.length;
      tail = (tail + chunk.toString("latin1")).slice(-4);
    });
    tcp.resume();
    await drained;
    while (tail !== "last") await new Promise((resolve) => tcp.once("data", resolve));
    expect(bytes).toBeGreaterThan(before + count * frame.length);
    expect(socket.getBufferedAmount()).toBe(0);
  });
});
