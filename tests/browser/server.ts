/** A standalone server with a data directory of its own, for one suite. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StandaloneProcess } from "../kill/standalone-process.ts";

export class TestServer {
  readonly directory: string;
  #process: StandaloneProcess;

  private constructor(directory: string, process: StandaloneProcess) {
    this.directory = directory;
    this.#process = process;
  }

  static async start(): Promise<TestServer> {
    const directory = await mkdtemp(join(tmpdir(), "triplane-browser-"));
    return new TestServer(directory, await launch(directory, 0));
  }

  get url(): string {
    return this.#process.url;
  }

  /** As a power cut. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** On the same port and data. */
  async restart(): Promise<void> {
    this.#process = await launch(this.directory, this.#process.port);
  }

  async stop(): Promise<void> {
    await this.#process.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function launch(directory: string, port: number): Promise<StandaloneProcess> {
  const dataDir = join(directory, "data");
  return StandaloneProcess.start({ dataDir, port, logPath: join(directory, "server.log") });
}
