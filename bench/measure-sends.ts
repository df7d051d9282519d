/** How many durable sends per second are acknowledged: 200 senders in 100 chats, and one hot chat of 20. */
import { runLoad } from "./load-process.ts";
import { rawSockets, startRaw } from "./raw.ts";
import type { Figure } from "./report.ts";
import { socketsOf, startTriplane } from "./triplane.ts";

const shapes = [
  { name: "durable acked sends/s, 200 senders, 100 chats", chats: 100, members: 2 },
  { name: "durable acked sends/s, one chat of 20", chats: 1, members: 20 },
] as const;

export async function measureSends(measureMs: number): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { name, chats, members } of shapes) {
    const load = { sendsPerSecond: undefined, warmUpMs: 6000, measureMs, contentBytes: 100 };
    const raw = await startRaw(true);
    const rawResult = await runLoad(
      { ...load, sockets: rawSockets(raw.server, chats, members, () => true) },
      raw.server,
    );
    await raw.stop();
    const triplane = await startTriplane({ users: chats * members, chats, members });
    const result = await runLoad({ ...load, sockets: socketsOf(triplane, () => true) }, triplane.server);
    await triplane.stop();
    if (result.errors > 0) throw new Error(`${name}: ${result.errors} sends were refused`);
    figures.push({
      name,
      unit: "1/s",
      triplane: result.acks / result.seconds,
      raw: rawResult.acks / rawResult.seconds,
      rawIs: "Bun.serve with a bare SQLite group commit",
      better: "higher",
      target: 0.5,
      notes: `ack p50 ${result.ackMs.p50.toFixed(1)} ms, p99 ${result.ackMs.p99.toFixed(1)} ms; server ${((result.serverCpuSeconds / result.seconds) * 100).toFixed(0)} % CPU (raw ${((rawResult.serverCpuSeconds / rawResult.seconds) * 100).toFixed(0)} %)`,
    });
  }
  return figures;
}
