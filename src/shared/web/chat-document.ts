import { document } from "./document.ts";
import type { PageEntries } from "./page-assets.ts";

/** The chat page: an empty root that its script fills. */
export function chatDocument(entries: PageEntries): string {
  return document(entries, {
    title: "Triplane",
    script: entries.chatScript,
    body: `<div id="root" data-timer-script="${entries.timerScript}"></div>
<noscript><p class="noscript">The chat page needs JavaScript.</p></noscript>`,
  });
}
