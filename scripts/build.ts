/**
 * Builds dist/standalone: one file with the runtime, the program and the pages, which needs nothing but the C
 * library. `npm run build`; a target like `bun-linux-arm64` as the argument builds for another machine.
 */
import { join } from "node:path";
import { embedPages } from "../src/shared/web/embed-pages.ts";

const root = join(import.meta.dir, "..");
const storageWorker = join(root, "src/shared/stores/sqlite/storage-worker.ts");
const [target = `bun-${process.platform}-${process.arch}`] = process.argv.slice(2);
const asked = Bun.spawnSync(["git", "rev-parse", "--short=12", "HEAD"], { cwd: root, stderr: "ignore" });
const commit = asked.exitCode === 0 ? asked.stdout.toString().trim() : "unknown";
const outfile = join(root, "dist/standalone");

const result = await Bun.build({
  entrypoints: [join(root, "src/standalone.ts"), storageWorker],
  // The storage thread is embedded under the path by which it is asked for only when its directory is the root.
  root: join(storageWorker, ".."),
  compile: {
    target: target as Bun.Build.CompileTarget,
    outfile,
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
  minify: true,
  sourcemap: "external",
  define: { TRIPLANE_COMMIT: JSON.stringify(commit) },
  plugins: [await embedPages()],
});
for (const message of result.logs) console.error(message);
console.log(`${outfile}: commit ${commit}, ${target}, ${(Bun.file(outfile).size / 2 ** 20).toFixed(0)} MiB`);
