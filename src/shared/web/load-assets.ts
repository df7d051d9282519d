import { buildPages } from "./build-pages.ts";
import type { PageAssets } from "./page-assets.ts";

/**
 * The built pages: bundled from the sources here. A compiled binary has no sources: `embedPages` puts a module
 * with the finished files in this one's place.
 */
export function loadAssets(): Promise<PageAssets> {
  return buildPages();
}
