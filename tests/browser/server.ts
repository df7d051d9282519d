/** A standalone server with a data directory of its own, for one suite. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StandaloneProcess } from "../kill/standalone-process.ts";

export class TestServer {
  readonly #directory: string;
  readonly #process: StandaloneProcess;

  private constructor(directory: string, process: StandaloneProcess) {
    this.#directory = directory;
    this.#process = process;
  }

  static async start(): Promise<TestServer> {
    const directory = await mkdtemp(join(tmpdir(), "triplane-browser-"));
    const options = { dataDir: join(directory, "data"), port: 0, logPath: join(directory, "server.log") };
    return new TestServer(directory, await StandaloneProcess.start(options));
  }

  get url(): string {
    return this.#process.url;
  }

  /** As a power cut. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** On the same port and data. */
  restart(): Promise<void> {
    return this.#process.startAgain();
  }

  async stop(): Promise<void> {
    await this.#process.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
