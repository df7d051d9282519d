/** The real standalone server as a child process, and people who log in to it over REST. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RawSocket } from "./raw-socket.ts";

const repository = join(import.meta.dir, "../..");
const entry = join(repository, "src/standalone.ts");

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field.
export type AnyJson = any;

export interface Reply {
  readonly status: number;
  readonly body: AnyJson;
  readonly headers: Headers;
}

export interface Person {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
  readonly phoneNumber: string;
  readonly token: string;
  readonly refreshToken: string;
}

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  readonly port?: number;
}

let people = 0;

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "triplane-e2e-"));
}

function spawn(args: readonly string[], env: Readonly<Record<string, string>>) {
  return Bun.spawn([process.execPath, entry, ...args], {
    cwd: repository,
    env: {
      ...process.env,
      ENVIRONMENT: "local",
      RATE_LIMITS_ENABLED: "false",
      SMS_PROVIDER: "fixed",
      LOG_LEVEL: "info",
      ...env,
    },
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs the program to its end: a subcommand, or a server that cannot start. */
export async function runToEnd(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(args, env);
  const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  return { exitCode, stdout, stderr };
}

export class StandaloneServer implements AsyncDisposable {
  readonly dataDir: string;
  readonly #ownsData: boolean;
  readonly #sockets = new Set<RawSocket>();
  child: ReturnType<typeof spawn>;
  port = 0;
  /** What it wrote to standard error so far: its log. */
  log = "";
  stdout = "";

  private constructor(options: ServerOptions) {
    this.#ownsData = options.dataDir === undefined;
    this.dataDir = options.dataDir ?? temporaryDirectory();
    this.child = this.#spawn(options);
  }

  static async start(options: ServerOptions = {}): Promise<StandaloneServer> {
    const server = new StandaloneServer(options);
    await server.#listening();
    return server;
  }

  /** A new process on the same data and port; the last one has ended. */
  async startAgain(options: ServerOptions = {}): Promise<void> {
    const { port } = this;
    this.port = 0;
    this.stdout = "";
    this.child = this.#spawn({ ...options, port });
    await this.#listening();
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.kill();
    if (this.#ownsData) rmSync(this.dataDir, { recursive: true, force: true });
  }

  async rest(
    verb: string,
    path: string,
    options: { token?: string; body?: unknown; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Reply> {
    const headers = new Headers(options.headers);
    if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
    if (options.body !== undefined && !headers.has("content-type"))
      headers.set("content-type", "application/json");
    const body =
      options.body === undefined
        ? {}
        : { body: typeof options.body === "string" ? options.body : JSON.stringify(options.body) };
    const response = await fetch(`${this.url}${path}`, { method: verb, headers, ...body });
    const text = await response.text();
    let parsed: unknown = text;
    try {
      parsed = JSON.parse(text);
    } catch {
      // Not every answer is JSON.
    }
    return { status: response.status, body: parsed, headers: response.headers };
  }

  /** A new person, logged in with the fixed code. */
  async logIn(
    phoneNumber = `+1415555${String(1000 + ++people)}`,
    deviceId = crypto.randomUUID(),
  ): Promise<Person> {
    const requested = await this.rest("POST", "/api/v1/auth/request-otp", {
      body: { phone_number: phoneNumber },
    });
    if (requested.status !== 200) throw new Error(`request-otp: ${JSON.stringify(requested.body)}`);
    const { status, body } = await this.rest("POST", "/api/v1/auth/verify-otp", {
      headers: { "x-device-id": deviceId },
      body: { phone_number: phoneNumber, otp: "000000", device_id: deviceId },
    });
    if (status !== 200 && status !== 201) throw new Error(`verify-otp: ${JSON.stringify(body)}`);
    const { user, session, tokens } = body.data;
    return {
      userId: user.user_id,
      deviceId,
      sessionId: session.session_id,
      phoneNumber,
      token: tokens.access_token,
      refreshToken: tokens.refresh_token,
    };
  }

  /** @returns the new group's id */
  async group(owner: Person, ...members: readonly Person[]): Promise<string> {
    const { status, body } = await this.rest("POST", "/api/v1/chats", {
      token: owner.token,
      body: { type: "group", name: "Team", member_ids: members.map(({ userId }) => userId) },
    });
    if (status !== 201) throw new Error(`create chat: ${JSON.stringify(body)}`);
    return body.data.chat_id;
  }

  async messages(person: Person, chatId: string): Promise<AnyJson[]> {
    const { status, body } = await this.rest("GET", `/api/v1/chats/${chatId}/messages?limit=100`, {
      token: person.token,
    });
    if (status !== 200) throw new Error(`messages: ${JSON.stringify(body)}`);
    return body.data.toSorted((a: AnyJson, b: AnyJson) => a.sequence - b.sequence);
  }

  /** An upgrade request, whatever comes of it. */
  async open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawSocket> {
    const socket = await RawSocket.open(this.port, path, headers);
    this.#sockets.add(socket);
    return socket;
  }

  /** A socket that has its `connection_established`. */
  async connect(person: Person): Promise<RawSocket> {
    const socket = await this.open(`/ws/v1?device_id=${person.deviceId}`, {
      Authorization: `Bearer ${person.token}`,
    });
    if (socket.status !== 101) throw new Error(`upgrade: ${socket.status} ${socket.body}`);
    await socket.next("connection_established");
    return socket;
  }

  #spawn(options: ServerOptions) {
    const child = spawn(["--port", String(options.port ?? 0), "--data", this.dataDir], options.env ?? {});
    const read = async (stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
    };
    void read(child.stderr, (text) => {
      this.log += text;
    });
    void read(child.stdout, (text) => {
      this.stdout += text;
      const port = /^listening on http:\/\/\S+:(\d+)$/m.exec(this.stdout)?.[1];
      if (port !== undefined) this.port = Number(port);
    });
    return child;
  }

  async #listening(): Promise<void> {
    const { child } = this;
    await until("the server listens", () => {
      if (child.exitCode !== null)
        throw new Error(`the server ended with ${child.exitCode}:\n${this.log.slice(-2000)}`);
      return this.port !== 0;
    });
  }
}

/** Looks until it holds. @throws {Error} not within the time */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const endsAt = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > endsAt) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await Bun.sleep(10);
  }
}
