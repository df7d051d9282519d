/** A real standalone server as a child process: started, killed, started again on the same data and port. */
import { join } from "node:path";

const repository = join(import.meta.dir, "../..");
const entry = join(repository, "src/standalone.ts");
const startTimeoutMs = 30_000;

export interface StandaloneOptions {
  readonly dataDir: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Receives the log of every process that is started, one after the other. */
  readonly logPath: string;
}

const environment = {
  ...process.env,
  ENVIRONMENT: "local",
  RATE_LIMITS_ENABLED: "false",
  SMS_PROVIDER: "log",
};

export class StandaloneProcess {
  readonly port: number;
  readonly #child: Bun.Subprocess;

  private constructor(child: Bun.Subprocess, port: number) {
    this.#child = child;
    this.port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves when the server says that it listens. @throws {Error} it exits or stays silent instead */
  static async start({ dataDir, port, logPath }: StandaloneOptions): Promise<StandaloneProcess> {
    const command = [process.execPath, entry, "--port", String(port), "--data", dataDir];
    const log = await Bun.file(logPath)
      .text()
      .catch(() => "");
    const child = Bun.spawn(command, { cwd: repository, env: environment, stdout: "pipe", stderr: "pipe" });
    const sink = Bun.file(logPath).writer();
    sink.write(log);
    const drained = drain(child.stderr, (text) => sink.write(text)).then(() => sink.end());
    const timer = setTimeout(() => child.kill("SIGKILL"), startTimeoutMs);
    try {
      const listening = await firstMatch(child.stdout, /^listening on http:\/\/\S+:(\d+)$/m);
      if (listening !== undefined) return new StandaloneProcess(child, Number(listening));
    } finally {
      clearTimeout(timer);
    }
    await drained;
    const tail = (await Bun.file(logPath).text()).slice(-2000);
    throw new Error(`the server did not start (exit code ${await child.exited}):\n${tail}`);
  }

  /** As a power cut ends it, but for the disk's own cache. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  /** Drains. @returns the exit code */
  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    return this.#child.exited;
  }
}

/** Runs a `triplane` subcommand to its end. @throws {Error} exit code other than 0 */
export async function runCommand(...args: readonly string[]): Promise<void> {
  const command = [process.execPath, entry, ...args];
  const child = Bun.spawn(command, { cwd: repository, env: environment, stdout: "ignore", stderr: "pipe" });
  const stderr = await new Response(child.stderr).text();
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`triplane ${args.join(" ")} ended with ${exitCode}:\n${stderr}`);
}

/** The first group of the first match; keeps reading afterwards, so that the pipe never fills. */
async function firstMatch(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string | undefined> {
  const found = Promise.withResolvers<string | undefined>();
  let text = "";
  drain(stream, (chunk) => {
    text = (text + chunk).slice(-4096);
    const match = pattern.exec(text);
    if (match !== null) found.resolve(match[1]);
  }).then(() => found.resolve(undefined), found.reject);
  return found.promise;
}

async function drain(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}
