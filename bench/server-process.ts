/** A server under test as a process of its own: its address, its CPU time, its memory. */
import { readFileSync } from "node:fs";

const clockTicksPerSecond = 100;
const startTimeoutMs = 20_000;

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** User and system time of all threads so far. */
  cpuSeconds(): number;
  /** Resident set, bytes. */
  residentBytes(): number;
  stop(): Promise<void>;
}

/** Starts `bun ARGS` and waits for its `listening on URL` line. */
export async function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: `${import.meta.dir}/..`,
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "ignore",
  });
  const url = await Promise.race([listeningUrl(child.stdout), timeout(`bun ${args.join(" ")}`)]);
  const { pid } = child;
  return {
    url,
    pid,
    cpuSeconds() {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
    },
    residentBytes() {
      const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      return Number(kib) * 1024;
    },
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function listeningUrl(stdout: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = stdout.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the server ended before it listened: ${text}`);
    text += decoder.decode(value);
    const url = /listening on (http:\/\/\S+)/.exec(text)?.[1];
    if (url === undefined) continue;
    // Whatever it prints later must not fill the pipe.
    void (async () => {
      while (!(await reader.read()).done);
    })();
    return url;
  }
}

async function timeout(what: string): Promise<never> {
  await Bun.sleep(startTimeoutMs);
  throw new Error(`${what} did not listen within ${startTimeoutMs} ms`);
}
