/** The raw loop as a process, and its sockets: the same shape of chats as a seeded Triplane. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, startServer } from "./server-process.ts";

export async function startRaw(stored: boolean): Promise<{ server: ServerProcess; stop(): Promise<void> }> {
  const directory = mkdtempSync(join(tmpdir(), "triplane-raw-"));
  const server = await startServer(
    ["bench/raw-server.ts"],
    stored ? { RAW_STORE: join(directory, "raw.sqlite") } : {},
  );
  return {
    server,
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** `members` sockets in each of `chats` chats. */
export function rawSockets(
  server: ServerProcess,
  chats: number,
  members: number,
  sends: (index: number) => boolean,
): { url: string; token: undefined; chatId: string; sends: boolean }[] {
  return Array.from({ length: chats * members }, (_, index) => {
    const chatId = String(index % chats);
    return {
      url: `${server.url.replace("http", "ws")}/?chat=${chatId}`,
      token: undefined,
      chatId,
      sends: sends(index),
    };
  });
}
