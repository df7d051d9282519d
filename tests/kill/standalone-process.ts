/** A real standalone server as a child process: started, killed, started again on the same data and port. */
import { closeSync, openSync } from "node:fs";
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
  /** Environment variables on top of `environment`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const environment = {
  ...process.env,
  ENVIRONMENT: "local",
  RATE_LIMITS_ENABLED: "false",
  SMS_PROVIDER: "log",
};

export class StandaloneProcess implements AsyncDisposable {
  readonly #options: StandaloneOptions;
  #child: Bun.Subprocess | undefined;
  #port: number;

  private constructor(options: StandaloneOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Resolves when the server says that it listens. @throws {Error} it exits or stays silent instead */
  static async start(options: StandaloneOptions): Promise<StandaloneProcess> {
    const server = new StandaloneProcess(options);
    await server.startAgain();
    return server;
  }

  /** A new process on the same data and port. Only after the last one has ended. */
  async startAgain(): Promise<void> {
    const { dataDir, logPath, settings } = this.#options;
    const command = [process.execPath, entry, "--port", String(this.#port), "--data", dataDir];
    const log = openSync(logPath, "a");
    const child = Bun.spawn(command, {
      cwd: repository,
      env: { ...environment, ...settings },
      stdout: "pipe",
      stderr: log,
    });
    closeSync(log);
    this.#child = child;
    const timer = setTimeout(() => child.kill("SIGKILL"), startTimeoutMs);
    const port = await firstMatch(child.stdout, /^listening on http:\/\/\S+:(\d+)$/m);
    clearTimeout(timer);
    if (port === undefined) {
      const tail = (await Bun.file(logPath).text()).slice(-2000);
      throw new Error(`the server did not start (exit code ${await child.exited}):\n${tail}`);
    }
    this.#port = Number(port);
  }

  /** As a power cut ends it, but for the disk's own cache. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** Drains. @returns the exit code */
  async stop(): Promise<number | undefined> {
    this.#child?.kill("SIGTERM");
    return this.#child?.exited;
  }

  /** Leaves nothing running, however the test ended. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** Runs a `triplane` subcommand to its end. @returns its standard output @throws {Error} exit code other than 0 */
export async function runCommand(...args: readonly string[]): Promise<string> {
  const command = [process.execPath, entry, ...args];
  const child = Bun.spawn(command, { cwd: repository, env: environment, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`triplane ${args.join(" ")} ended with ${exitCode}:\n${stderr}`);
  return stdout;
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
