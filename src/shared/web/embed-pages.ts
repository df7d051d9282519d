import type { BunPlugin } from "bun";
import { buildPages } from "./build-pages.ts";
import type { PageAssets } from "./page-assets.ts";

/**
 * A plugin of `Bun.build`, for binaries: replaces `load-assets.ts` by a module that holds the built files, so
 * that neither sources nor bundler are needed at run time.
 */
export async function embedPages(): Promise<BunPlugin> {
  // Built before the outer build begins: a build that waits for another one inside a plugin never ends.
  const contents = embeddedModule(await buildPages());
  return {
    name: "embed-pages",
    setup(build) {
      build.onLoad({ filter: /[/\\]shared[/\\]web[/\\]load-assets\.ts$/ }, () => ({
        contents,
        loader: "js",
      }));
    },
  };
}

function embeddedModule(assets: PageAssets): string {
  const files = assets.files.map(({ path, contentType, body }) => ({
    path,
    contentType,
    body: Buffer.from(body).toString("base64"),
  }));
  return `const files = ${JSON.stringify(files)};
export async function loadAssets() {
  return {
    entries: ${JSON.stringify(assets.entries)},
    files: files.map((file) => ({ ...file, body: new Uint8Array(Buffer.from(file.body, "base64")) })),
  };
}
`;
}
