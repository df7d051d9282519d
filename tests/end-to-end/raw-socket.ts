/**
 * A WebSocket client made by hand (RFC 6455), so that it can do what a proper one refuses: stop reading, send broken
 * text, binary and oversized frames, look at the refusal of a handshake.
 */
import { connect, type Socket } from "node:net";
import type { AnyJson } from "./standalone-server.ts";

const opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const waitMaxMs = 15_000;

export class RawSocket {
  /** Of the handshake. */
  status = 0;
  headers = new Map<string, string>();
  /** Of a refused handshake. */
  body = "";
  /** Text frames not yet taken by `next`. */
  readonly frames: AnyJson[] = [];
  /** All text frames, in order. */
  readonly all: AnyJson[] = [];
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  ended = false;
  readonly #tcp: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #waiters: (() => void)[] = [];

  private constructor(tcp: Socket) {
    this.#tcp = tcp;
    tcp.on("data", (chunk: Buffer) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      this.#read();
      this.#wake();
    });
    const end = (): void => {
      this.ended = true;
      this.#wake();
    };
    tcp.on("end", end);
    tcp.on("close", end);
    tcp.on("error", end);
  }

  static async open(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<RawSocket> {
    const tcp = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      tcp.once("connect", () => resolve());
      tcp.once("error", reject);
    });
    const socket = new RawSocket(tcp);
    const lines = {
      Host: `127.0.0.1:${port}`,
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    };
    const head = Object.entries(lines)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
    tcp.write(`GET ${path} HTTP/1.1\r\n${head}\r\n`);
    await socket.#until("the handshake's answer", () => socket.status !== 0);
    return socket;
  }

  /** The refusal's JSON. */
  get json(): AnyJson {
    return JSON.parse(this.body);
  }

  send(frame: unknown): void {
    this.sendRaw(opcode.text, Buffer.from(typeof frame === "string" ? frame : JSON.stringify(frame)));
  }

  sendBinary(bytes: Uint8Array): void {
    this.sendRaw(opcode.binary, Buffer.from(bytes));
  }

  /** Bytes as a text frame, valid or not. */
  sendBytes(bytes: Uint8Array): void {
    this.sendRaw(opcode.text, Buffer.from(bytes));
  }

  close(code = 1000): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.sendRaw(opcode.close, payload);
  }

  /** The connection vanishes without a word. */
  destroy(): void {
    this.#tcp.destroy();
  }

  /** The kernel's buffers fill, then the server's. */
  stopReading(): void {
    this.#tcp.pause();
  }

  readAgain(): void {
    this.#tcp.resume();
  }

  /** Takes the next frame of this type; others stay. */
  async next(type: string, matches: (frame: AnyJson) => boolean = () => true): Promise<AnyJson> {
    const find = (): number => this.frames.findIndex((frame) => frame.type === type && matches(frame));
    await this.#until(`a ${type} frame`, () => find() >= 0);
    return this.frames.splice(find(), 1)[0];
  }

  /** Sends a request and takes its answer, whatever its type. */
  async ask(frame: AnyJson): Promise<AnyJson> {
    this.send(frame);
    const find = (): number => this.frames.findIndex(({ request_id }) => request_id === frame.request_id);
    await this.#until(`the answer to ${frame.request_id}`, () => find() >= 0);
    return this.frames.splice(find(), 1)[0];
  }

  async closed(): Promise<{ readonly code: number; readonly reason: string }> {
    await this.#until("the close", () => this.closedWith !== undefined || this.ended);
    return this.closedWith ?? { code: 1006, reason: "" };
  }

  sendRaw(code: number, payload: Buffer): void {
    const mask = Buffer.from([1, 2, 3, 4]);
    const size = payload.length;
    const head =
      size < 126
        ? Buffer.from([0x80 | code, 0x80 | size])
        : size < 65_536
          ? Buffer.from([0x80 | code, 0x80 | 126, size >> 8, size & 0xff])
          : Buffer.from([
              0x80 | code,
              0x80 | 127,
              0,
              0,
              0,
              0,
              (size >>> 24) & 0xff,
              (size >> 16) & 0xff,
              (size >> 8) & 0xff,
              size & 0xff,
            ]);
    const masked = Buffer.from(payload);
    for (let index = 0; index < masked.length; index++)
      masked[index] = (masked[index] ?? 0) ^ (mask[index & 3] ?? 0);
    this.#tcp.write(Buffer.concat([head, mask, masked]));
  }

  #read(): void {
    if (this.status === 0 || this.status !== 101) this.#readHandshake();
    while (this.status === 101) {
      const frame = this.#takeFrame();
      if (frame === undefined) return;
      if (frame.code === opcode.text) {
        const value = JSON.parse(frame.payload.toString("utf8"));
        this.frames.push(value);
        this.all.push(value);
      } else if (frame.code === opcode.ping) this.sendRaw(opcode.pong, frame.payload);
      else if (frame.code === opcode.close) {
        this.closedWith = {
          code: frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005,
          reason: frame.payload.subarray(2).toString("utf8"),
        };
      }
    }
  }

  #readHandshake(): void {
    if (this.status !== 0) {
      this.body += this.#bytes.toString("utf8");
      this.#bytes = Buffer.alloc(0);
      return;
    }
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0) return;
    const [first = "", ...lines] = this.#bytes.subarray(0, end).toString("latin1").split("\r\n");
    for (const line of lines) {
      const colon = line.indexOf(":");
      this.headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const rest = this.#bytes.subarray(end + 4);
    const length = Number(this.headers.get("content-length") ?? 0);
    const status = Number(first.split(" ")[1]);
    if (status !== 101 && rest.length < length) return;
    this.#bytes = rest;
    this.status = status;
    if (status !== 101) {
      this.body = rest.toString("utf8");
      this.#bytes = Buffer.alloc(0);
    }
  }

  #takeFrame(): { readonly code: number; readonly payload: Buffer } | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    let size = (bytes[1] ?? 0) & 0x7f;
    let at = 2;
    if (size === 126) {
      if (bytes.length < 4) return undefined;
      size = bytes.readUInt16BE(2);
      at = 4;
    } else if (size === 127) {
      if (bytes.length < 10) return undefined;
      size = Number(bytes.readBigUInt64BE(2));
      at = 10;
    }
    if (bytes.length < at + size) return undefined;
    this.#bytes = bytes.subarray(at + size);
    return { code: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(at, at + size) };
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const endsAt = Date.now() + waitMaxMs;
    while (!condition()) {
      if (this.ended && !condition() && what !== "the close")
        throw new Error(`the connection ended before ${what}`);
      if (Date.now() > endsAt) throw new Error(`${what} did not come within ${waitMaxMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, endsAt - Date.now()));
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
