/** The documentation page: written from the descriptors, so that it says what the server does. No script. */
import type { DescService } from "@bufbuild/protobuf";
import { asyncApiPath } from "../asyncapi/mount-asyncapi.ts";
import { openApiPath } from "../openapi/mount-openapi.ts";
import { type RestRoute, restRoutes, routeGroup } from "../rest-routes.ts";
import { docsStyle } from "./docs-style.ts";
import { guideSections } from "./guide-sections.ts";
import { Html, html } from "./html.ts";
import { operationSection } from "./operation-section.ts";

export function renderDocs(service: DescService): string {
  const groups = Map.groupBy(restRoutes(service), routeGroup);
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Triplane API</title>
<link rel="icon" href="data:,">
<style>${new Html(docsStyle)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<div class="frame">
<nav aria-label="Contents">
<h2>Guide</h2><ul>${guideSections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul>
${[...groups].map(([group, routes]) => html`<h2>${group}</h2><ul>${routes.map(navEntry)}</ul>`)}
</nav>
<main id="content">
<h1>Triplane API</h1>
<p class="lead">Identity, chats, members, history and delivery state over REST; messages over the WebSocket.
Machine-readable: <a href="${openApiPath}">OpenAPI 3.1</a>, <a href="${asyncApiPath}">AsyncAPI 3</a>.</p>
${guideSections.map(({ id, title, body }) => html`<section id="${id}"><h2>${title}</h2>${body}</section>`)}
${[...groups].map(([group, routes]) => html`<h2 class="group">${group}</h2>${routes.map(operationSection)}`)}
</main>
</div>
</body>
</html>
`;
  return text;
}

function navEntry(route: RestRoute): Html {
  return html`<li><a href="#${route.method.name}">${route.rule.summary.replace(/\.$/, "")}</a></li>`;
}
