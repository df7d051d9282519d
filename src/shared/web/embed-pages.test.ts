/**
 * Goal: a binary needs neither the pages' sources nor the bundler.
 * Method: a program that serves a page is bundled with the plugin and run in an empty directory.
 */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPages } from "./build-pages.ts";
import { embedPages } from "./embed-pages.ts";

test("a bundled program serves the very files that were built", async () => {
  const directory = await mkdtemp(join(tmpdir(), "triplane-pages-"));
  try {
    const source = join(directory, "program.ts");
    await Bun.write(
      source,
      `import { createPages } from ${JSON.stringify(join(import.meta.dir, "pages.ts"))};
const pages = await createPages({ chat: true, smsInbox: undefined });
const html = await (await pages.request("/")).text();
const path = /<script type="module" src="([^"]+)"/.exec(html)?.[1] ?? "";
const response = await pages.request(path);
process.stdout.write(JSON.stringify({ path, hash: String(Bun.hash(await response.bytes())) }));
`,
    );
    const built = await Bun.build({
      entrypoints: [source],
      target: "bun",
      outdir: join(directory, "out"),
      plugins: [await embedPages()],
    });
    const bundle = built.outputs[0];
    expect(await bundle?.text()).not.toContain("Bun.build");
    const child = Bun.spawn([process.execPath, bundle?.path ?? ""], { cwd: directory, stderr: "inherit" });
    const served = (await new Response(child.stdout).json()) as { path: string; hash: string };
    const assets = await buildPages();
    const script = assets.files.find((file) => file.path === assets.entries.chatScript);
    expect(served).toEqual({
      path: assets.entries.chatScript,
      hash: String(Bun.hash(script?.body ?? new Uint8Array())),
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
