/** Send-to-ack and send-to-deliver at half of the saturating load, 100 chats of two. */
import { runLoad } from "./load-process.ts";
import { rawSockets, startRaw } from "./raw.ts";
import type { Figure } from "./report.ts";
import { socketsOf, startTriplane } from "./triplane.ts";

export async function measureLatency(
  measureMs: number,
  saturatingSendsPerSecond: number,
): Promise<readonly Figure[]> {
  const load = {
    sendsPerSecond: saturatingSendsPerSecond / 2,
    warmUpMs: 6000,
    measureMs,
    contentBytes: 100,
  };
  const raw = await startRaw(true);
  const rawResult = await runLoad(
    { ...load, sockets: rawSockets(raw.server, 100, 2, () => true) },
    raw.server,
  );
  await raw.stop();
  const triplane = await startTriplane({ users: 200, chats: 100, members: 2 });
  const result = await runLoad({ ...load, sockets: socketsOf(triplane, () => true) }, triplane.server);
  await triplane.stop();
  const figure = (name: string, own: number, rawOne: number): Figure => ({
    name: `${name} at ${load.sendsPerSecond.toFixed(0)} sends/s`,
    unit: "ms",
    triplane: own,
    raw: rawOne,
    rawIs: "Bun.serve with a bare SQLite group commit",
    better: "lower",
    target: undefined,
    notes: "",
  });
  return [
    figure("send to ack, p50", result.ackMs.p50, rawResult.ackMs.p50),
    figure("send to ack, p99", result.ackMs.p99, rawResult.ackMs.p99),
    figure("send to deliver, p50", result.deliverMs.p50, rawResult.deliverMs.p50),
    figure("send to deliver, p99", result.deliverMs.p99, rawResult.deliverMs.p99),
  ];
}
