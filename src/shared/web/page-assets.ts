/** What the pages are made of once built: files in memory, each under the path it is served at. */

export interface AssetFile {
  /** `/assets/main-x1y2z3.js`: the content's hash is part of the name. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The paths that the documents refer to. */
export interface PageEntries {
  readonly chatScript: string;
  readonly chatStyles: string;
  /** Runs before the first paint, so that a chosen colour scheme does not flash. */
  readonly themeScript: string;
  /** The worker that the chat page's timers run in. */
  readonly timerScript: string;
  readonly smsScript: string;
  readonly icon: string;
}

export interface PageAssets {
  readonly entries: PageEntries;
  readonly files: readonly AssetFile[];
}
