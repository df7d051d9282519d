/** The web pages of a server: the chat page, its assets, the local SMS inbox. */
import { Hono } from "hono";
import { assetResponse, servedFile } from "./asset-response.ts";
import { chatDocument } from "./chat-document.ts";
import { pageContentSecurityPolicy } from "./document.ts";
import { loadAssets } from "./load-assets.ts";
import { type SmsInbox, smsDocument } from "./sms-document.ts";

export interface PagesOptions {
  /** Serves the chat page at `/`. */
  readonly chat: boolean;
  /**
   * Serves `/dev/sms`. Whoever passes it vouches that the server is local and bound to loopback: the codes in it
   * open accounts.
   */
  readonly smsInbox: SmsInbox | undefined;
}

/**
 * The pages as an app to mount at `/`: `app.route("/", await createPages(...))`. Paths that are not theirs go on
 * to the app they are mounted on.
 */
export async function createPages(options: PagesOptions): Promise<Hono> {
  const assets = await loadAssets();
  const served = new Map(assets.files.map((file) => [file.path, servedFile(file)]));
  const app = new Hono();
  app.on(["GET", "HEAD"], "/assets/:name", (context) => {
    const file = served.get(context.req.path);
    return file === undefined ? context.notFound() : assetResponse(file, context.req.raw);
  });
  if (options.chat) {
    const html = chatDocument(assets.entries);
    app.on(["GET", "HEAD"], "/", () => pageResponse(html));
    app.all("/", methodNotAllowed);
  }
  const { smsInbox } = options;
  if (smsInbox !== undefined) {
    app.on(["GET", "HEAD"], "/dev/sms", (context) => {
      if (!isOwnPage(context.req.raw)) return new Response("Forbidden\n", { status: 403 });
      const accept = context.req.header("accept") ?? "";
      return accept.includes("application/json")
        ? jsonResponse(smsInbox.list())
        : pageResponse(smsDocument(assets.entries, smsInbox.list()));
    });
    app.all("/dev/sms", methodNotAllowed);
  }
  return app;
}

const methodNotAllowed = (): Response =>
  new Response("Method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });

const loopbackHosts = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i;

/**
 * Being bound to loopback does not keep a foreign page in the local browser out: by a request across sites, or
 * by a host name of its own that it lets point here (DNS rebinding).
 */
function isOwnPage(request: Request): boolean {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const site = request.headers.get("sec-fetch-site");
  return loopbackHosts.test(host) && (site === null || site === "same-origin" || site === "none");
}

function pageResponse(html: string): Response {
  return new Response(html, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": pageContentSecurityPolicy,
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "permissions-policy": "camera=(), microphone=(), geolocation=()",
    },
  });
}

function jsonResponse(value: unknown): Response {
  return Response.json(value, {
    headers: {
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    },
  });
}
