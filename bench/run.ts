/**
 * `bun run bench`: Triplane beside a raw loop, in one run on one machine. Ratios are what counts; the absolute
 * figures are this machine's. `--seconds N` per measurement (default 8), `--json FILE` for machines.
 */
import { measureDeliveries } from "./measure-deliveries.ts";
import { measureLatency } from "./measure-latency.ts";
import { measureMemory } from "./measure-memory.ts";
import { measureRest } from "./measure-rest.ts";
import { measureSends } from "./measure-sends.ts";
import { measureBareStore } from "./measure-store.ts";
import { type Figure, table } from "./report.ts";

const flag = (name: string): string | undefined => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const measureMs = Number(flag("--seconds") ?? 8) * 1000;
const only = flag("--only");
const wanted = (name: string): boolean => only === undefined || only.split(",").includes(name);

const bareStore = measureBareStore(Math.min(measureMs, 4000));
console.log(
  `bare bun:sqlite, one thread, batches of 100: ${Math.round(bareStore).toLocaleString("en-US")} messages/s`,
);
const figures: Figure[] = [];
if (wanted("sends")) figures.push(...(await measureSends(measureMs)));
if (wanted("deliveries")) figures.push(...(await measureDeliveries(measureMs)));
if (wanted("memory")) figures.push(...(await measureMemory()));
if (wanted("rest")) figures.push(...(await measureRest(measureMs)));
const [saturated] = figures;
if (wanted("latency")) {
  figures.push(...(await measureLatency(measureMs, saturated?.unit === "1/s" ? saturated.triplane : 10_000)));
}
console.log(table(figures));
const json = flag("--json");
if (json !== undefined) {
  await Bun.write(
    json,
    `${JSON.stringify({ at: new Date().toISOString(), bun: Bun.version, bareStorePerSecond: bareStore, figures }, undefined, 2)}\n`,
  );
}
