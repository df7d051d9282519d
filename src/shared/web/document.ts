import { escapeHtml } from "./escape-html.ts";
import type { PageEntries } from "./page-assets.ts";

/** What a page may load: its own files and sockets, nothing inline, nothing foreign, never in a frame. */
export const pageContentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A whole HTML document around `body`, which must be markup already. */
export function document(
  entries: PageEntries,
  page: { readonly title: string; readonly script: string; readonly body: string },
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(page.title)}</title>
<link rel="icon" href="${entries.icon}" type="image/svg+xml">
<script src="${entries.themeScript}"></script>
<link rel="stylesheet" href="${entries.chatStyles}">
<script type="module" src="${page.script}"></script>
</head>
<body>
${page.body}
</body>
</html>
`;
}
