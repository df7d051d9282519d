/** Resident memory per idle authenticated connection at 5,000, beyond what the server holds before the first. */
import { rawSockets, startRaw } from "./raw.ts";
import type { Figure } from "./report.ts";
import type { ServerProcess } from "./server-process.ts";
import { socketsOf, startTriplane } from "./triplane.ts";

const connections = 5000;
const settleMs = 8000;

export async function measureMemory(): Promise<readonly Figure[]> {
  const raw = await startRaw(false);
  const rawBytes = await bytesPerConnection(
    raw.server,
    rawSockets(raw.server, 2500, 2, () => false),
  );
  await raw.stop();
  const triplane = await startTriplane({ users: connections, chats: connections / 2, members: 2 });
  const ownBytes = await bytesPerConnection(
    triplane.server,
    socketsOf(triplane, () => false),
  );
  await triplane.stop();
  return [
    {
      name: "resident bytes per idle authenticated connection at 5,000",
      unit: "bytes",
      triplane: ownBytes,
      raw: rawBytes,
      rawIs: "Bun.serve",
      better: "lower",
      target: 4096,
      notes: "the target is 4,096 bytes, not a ratio",
    },
  ];
}

async function bytesPerConnection(
  server: ServerProcess,
  sockets: readonly { readonly url: string; readonly token: string | undefined }[],
): Promise<number> {
  await Bun.sleep(1000);
  const before = server.residentBytes();
  const file = `${process.env["TMPDIR"] ?? "/tmp"}/triplane-bench-idle-${process.pid}.json`;
  await Bun.write(file, JSON.stringify(sockets));
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/hold.ts`, file], { stdout: "pipe" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (new TextDecoder().decode(value).trim() !== "held") throw new Error("not all connections were opened");
  await Bun.sleep(settleMs);
  const after = server.residentBytes();
  child.kill("SIGKILL");
  await child.exited;
  return (after - before) / sockets.length;
}
