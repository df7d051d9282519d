/** Bundles the pages' scripts and styles from their sources. */
import { join } from "node:path";
import type { AssetFile, PageAssets, PageEntries } from "./page-assets.ts";

/** Entry points by the name that they are referred to with. */
const sources = {
  chatScript: "chat/main.tsx",
  chatStyles: "chat/styles.css",
  themeScript: "chat/theme-boot.ts",
  timerScript: "chat/timer-worker.ts",
  smsScript: "sms/main.ts",
  icon: "chat/icon.svg",
} as const satisfies Record<keyof PageEntries, string>;

const contentTypes: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/**
 * Builds into memory: minified, the content's hash in every name. Takes well under a second.
 * @throws {AggregateError} of the bundler, with the places in the sources
 */
export async function buildPages(): Promise<PageAssets> {
  const built = await Promise.all(Object.values(sources).map(bundle));
  const files = new Map<string, AssetFile>();
  for (const file of built.flat()) files.set(file.path, file);
  const entries = Object.fromEntries(
    Object.keys(sources).map((name, index) => [name, built[index]?.[0]?.path]),
  ) as unknown as PageEntries;
  return { entries, files: [...files.values()] };
}

/** The file of the entry point first, then what it refers to. */
async function bundle(source: string): Promise<readonly AssetFile[]> {
  if (source.endsWith(".svg")) return [await copy(source)];
  const result = await Bun.build({
    entrypoints: [join(import.meta.dir, source)],
    target: "browser",
    minify: true,
    naming: { entry: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const outputs = [...result.outputs].sort((a, b) => rank(a.kind) - rank(b.kind));
  return Promise.all(outputs.map((output) => assetFile(output.path, output)));
}

function rank(kind: string): number {
  return kind === "entry-point" ? 0 : 1;
}

async function copy(source: string): Promise<AssetFile> {
  const file = Bun.file(join(import.meta.dir, source));
  const hash = Bun.hash(await file.bytes()).toString(36);
  const name = source.replace(/^.*\//, "").replace(/(\.[^.]+)$/, `-${hash}$1`);
  return assetFile(name, file);
}

async function assetFile(path: string, content: Blob): Promise<AssetFile> {
  const name = path.replace(/^.*\//, "");
  const extension = name.replace(/^.*\./, "");
  const contentType = contentTypes[extension];
  if (contentType === undefined) throw new Error(`${name}: no content type is known for .${extension}`);
  return { path: `/assets/${name}`, contentType, body: new Uint8Array(await content.arrayBuffer()) };
}
