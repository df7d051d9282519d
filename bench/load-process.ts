/** Runs the load generator in a process of its own, so that its work is not counted as the server's. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadPlan, LoadResult } from "./load.ts";
import type { ServerProcess } from "./server-process.ts";

export interface MeasuredLoad extends LoadResult {
  /** The server's CPU time while the load was measured. */
  readonly serverCpuSeconds: number;
}

export async function runLoad(plan: LoadPlan, server: ServerProcess): Promise<MeasuredLoad> {
  const file = join(mkdtempSync(join(tmpdir(), "triplane-bench-")), "plan.json");
  await Bun.write(file, JSON.stringify(plan));
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/load.ts`, file], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  let cpuBefore = 0;
  let cpuAfter = 0;
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    const before = text.length;
    text += decoder.decode(chunk);
    if (before === 0 && text.startsWith("measuring")) cpuBefore = server.cpuSeconds();
    if (text.includes("{")) cpuAfter = server.cpuSeconds();
  }
  await child.exited;
  const json = text.slice(text.indexOf("{"));
  if (json === "") throw new Error("the load generator gave no result");
  return { ...(JSON.parse(json) as LoadResult), serverCpuSeconds: cpuAfter - cpuBefore };
}
