/**
 * Goal: the pages are served with the policy, caching and refusals that they need.
 * Method: the pages mounted on an app, asked without a socket.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { Hono } from "hono";
import { createPages } from "./pages.ts";
import type { SmsMessage } from "./sms-document.ts";

const code: SmsMessage = {
  phone_number: '+14155550100"><script>',
  otp: "012345",
  received_at: "2026-01-31T10:00:00.000Z",
  expires_at: "2026-01-31T10:05:00.000Z",
};
const local = "http://127.0.0.1:8080";

let app: Hono;

beforeAll(async () => {
  app = new Hono();
  app.get("/api/v1/health", (context) => context.text("api"));
  app.route("/", await createPages({ chat: true, smsInbox: { list: () => [code] } }));
  app.notFound((context) => context.text("the app's own 404", 404));
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  Promise.resolve(app.request(`${local}${path}`, { headers }));

async function scriptPath(): Promise<string> {
  const html = await (await get("/")).text();
  return /<script type="module" src="([^"]+)">/.exec(html)?.[1] ?? "";
}

describe("the chat page", () => {
  test("is an HTML document that refers only to files of its own", async () => {
    const response = await get("/");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const html = await response.text();
    const references = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1] ?? "");
    expect(references.length).toBeGreaterThanOrEqual(4);
    for (const path of references) expect((await get(path)).status).toBe(200);
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/);
  });

  test("allows nothing inline, nothing foreign, no frames, no forms", async () => {
    const policy = (await get("/")).headers.get("content-security-policy");
    expect(policy).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; " +
        "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
  });

  test.each([
    ["x-content-type-options", "nosniff"],
    ["x-frame-options", "DENY"],
    ["referrer-policy", "no-referrer"],
    ["cache-control", "no-cache"],
  ])("is sent with %s: %s", async (name, value) => {
    expect((await get("/")).headers.get(name)).toBe(value);
  });

  test("answers other methods with 405 and what it allows", async () => {
    const response = await app.request(`${local}/`, { method: "POST" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  test("is not there when it is switched off", async () => {
    const pages = await createPages({ chat: false, smsInbox: undefined });
    expect((await pages.request(`${local}/`)).status).toBe(404);
  });

  test("leaves all other paths to the app it is mounted on", async () => {
    expect(await (await get("/api/v1/health")).text()).toBe("api");
    expect(await (await get("/nothing")).text()).toBe("the app's own 404");
    expect(await (await get("/assets/nothing.js")).text()).toBe("the app's own 404");
  });
});

describe("assets", () => {
  test("may be kept for ever, since their names change with their content", async () => {
    const response = await get(await scriptPath());
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(await scriptPath()).toMatch(/^\/assets\/main-[0-9a-z]{8}\.js$/);
  });

  test("are confirmed with 304 to whoever has them", async () => {
    const path = await scriptPath();
    const etag = (await get(path)).headers.get("etag") ?? "";
    const confirmed = await get(path, { "if-none-match": `"other", ${etag}` });
    expect(confirmed.status).toBe(304);
    expect(confirmed.headers.get("etag")).toBe(etag);
    expect((await get(path, { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("are compressed for whoever takes it, under another entity tag", async () => {
    const path = await scriptPath();
    const plain = await get(path);
    const compressed = await get(path, { "accept-encoding": "gzip, br" });
    expect(compressed.headers.get("content-encoding")).toBe("gzip");
    expect(compressed.headers.get("vary")).toBe("accept-encoding");
    expect(compressed.headers.get("etag")).not.toBe(plain.headers.get("etag"));
    const unpacked = Bun.gunzipSync(new Uint8Array(await compressed.arrayBuffer()));
    expect(new Uint8Array(unpacked)).toEqual(new Uint8Array(await plain.arrayBuffer()));
  });
});

describe("the local SMS inbox", () => {
  test("lists the codes as JSON when that is asked for", async () => {
    const response = await get("/dev/sms", { accept: "application/json" });
    expect(await response.json()).toEqual([code]);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  test("is a page otherwise, in which what came in is text", async () => {
    const response = await get("/dev/sms", { accept: "text/html" });
    const html = await response.text();
    expect(html).toContain("012345");
    expect(html).toContain("+14155550100&quot;&gt;&lt;script&gt;");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test.each([
    ["a host name that points to loopback", { host: "evil.example:8080" }],
    ["a page of another site", { host: "127.0.0.1:8080", "sec-fetch-site": "cross-site" }],
    ["a page of another port", { host: "localhost:8080", "sec-fetch-site": "same-site" }],
  ])("refuses %s", async (_, headers) => {
    expect((await get("/dev/sms", { accept: "application/json", ...headers })).status).toBe(403);
  });

  test.each(["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST"])(
    "answers under %s",
    async (host) => {
      expect((await get("/dev/sms", { host, "sec-fetch-site": "same-origin" })).status).toBe(200);
    },
  );

  test("does not exist where no inbox was given", async () => {
    const pages = await createPages({ chat: true, smsInbox: undefined });
    expect((await pages.request(`${local}/dev/sms`)).status).toBe(404);
  });
});
