/**
 * Deliveries per second of server CPU time in 10-member chats, at one offered rate: at a higher one every server's
 * frames coalesce and the figure rises, so only equal rates may be compared. Triplane stores every message, the
 * raw loop stores none.
 */
import { runLoad } from "./load-process.ts";
import { rawSockets, startRaw } from "./raw.ts";
import type { Figure } from "./report.ts";
import { socketsOf, startTriplane } from "./triplane.ts";

const chats = 100;
const members = 10;
const deliveriesPerSecond = 10_000;

export async function measureDeliveries(measureMs: number): Promise<readonly Figure[]> {
  const load = {
    sendsPerSecond: deliveriesPerSecond / (members - 1),
    warmUpMs: 6000,
    measureMs,
    contentBytes: 100,
  };
  const raw = await startRaw(false);
  const rawResult = await runLoad(
    { ...load, sockets: rawSockets(raw.server, chats, members, () => true) },
    raw.server,
  );
  await raw.stop();
  const triplane = await startTriplane({ users: chats * members, chats, members });
  const result = await runLoad({ ...load, sockets: socketsOf(triplane, () => true) }, triplane.server);
  await triplane.stop();
  return [
    {
      name: "deliveries per server CPU-second, 10-member chats at 10,000/s",
      unit: "1/CPU-s",
      triplane: result.deliveries / result.serverCpuSeconds,
      raw: rawResult.deliveries / rawResult.serverCpuSeconds,
      rawIs: "Bun.serve send loop, nothing stored",
      better: "higher",
      target: 0.5,
      notes: `${(result.deliveries / result.seconds).toFixed(0)} deliveries/s (raw ${(rawResult.deliveries / rawResult.seconds).toFixed(0)}); deliver p99 ${result.deliverMs.p99.toFixed(1)} ms`,
    },
  ];
}
