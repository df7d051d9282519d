/** Goal: the page documents every operation, loads nothing and cannot be scripted. Method: the page as it is served. */
import { expect, test } from "bun:test";
import { ChatMgmtService } from "../../gen/messaging/v1/chatmgmt_pb.js";
import { createEdgeFixture } from "../edge-fixture.ts";
import { restRoutes } from "../rest-routes.ts";
import { html } from "./html.ts";
import { docsPath, mountDocs } from "./mount-docs.ts";
import { renderDocs } from "./render-docs.ts";

const page = renderDocs(ChatMgmtService);

test.each(restRoutes(ChatMgmtService).map((route) => [route.method.name, route] as const))(
  "%s has a section",
  (name, route) => {
    expect(page).toContain(`<section id="${name}">`);
    expect(page).toContain(`<span class="verb">${route.verb}</span>${route.template}</p>`);
  },
);

test("every link within the page leads somewhere, and ids are unique", () => {
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
  const targets = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]);
  expect(new Set(ids).size).toBe(ids.length);
  expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
});

test("every tag that is opened is closed", () => {
  const open: string[] = [];
  for (const [, slash, name = ""] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (["meta", "link"].includes(name)) continue;
    if (slash === "/") expect(open.pop()).toBe(name);
    else open.push(name);
  }
  expect(open).toEqual([]);
});

test("it is served with a policy that admits its own style and nothing else", async () => {
  const fixture = createEdgeFixture();
  mountDocs(fixture.app, fixture.edge, ChatMgmtService);
  const response = await fixture.rest("GET", docsPath);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const policy = response.headers.get("content-security-policy") ?? "";
  const style = /<style>([\s\S]*)<\/style>/.exec(await response.text())?.[1] ?? "";
  const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
  expect(policy).toContain(`style-src 'sha256-${hash}'`);
  expect(policy).toStartWith("default-src 'none'");
  expect(page).not.toContain("<script");
});

test("what is interpolated is escaped once", () => {
  const inner = html`<b title="${'"&'}">${"<i>"}</b>`;
  expect(html`<p>${[inner, "'", undefined, 7]}</p>`.text).toBe(
    '<p><b title="&quot;&amp;">&lt;i&gt;</b>&#39;7</p>',
  );
});
