/** Goal: the document says what the edge does, and the committed copy says the same. Method: the generated document against descriptors and edge. */
import { expect, test } from "bun:test";
import { type ErrorCode, errorCodes } from "../../domain/errors.ts";
import { ChatMgmtService } from "../../gen/messaging/v1/chatmgmt_pb.js";
import { createEdgeFixture } from "../edge-fixture.ts";
import { httpErrors } from "../error-edge.ts";
import { restRoutes } from "../rest-routes.ts";
import { generateOpenApi, openApiDocument } from "./generate-openapi.ts";
import { mountOpenApi, openApiPath } from "./mount-openapi.ts";

interface Operation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, { readonly $ref?: string }>>;
  readonly requestBody?: { readonly required: boolean };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const document = openApiDocument(ChatMgmtService) as unknown as Document;
const routes = restRoutes(ChatMgmtService);

test("the committed copy is current (bun scripts/openapi.ts writes it)", async () => {
  const committed = await Bun.file(new URL("../../../../proto/openapi.yaml", import.meta.url)).text();
  expect(committed === generateOpenApi(ChatMgmtService)).toBe(true);
});

test("the YAML reads back as the document", () => {
  expect(Bun.YAML.parse(generateOpenApi(ChatMgmtService))).toEqual(JSON.parse(JSON.stringify(document)));
});

test("every reference leads somewhere, and nothing is unused", () => {
  const used = new Set(
    [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map((m) => m[1]),
  );
  const defined = Object.entries(document.components).flatMap(([kind, parts]) =>
    kind === "securitySchemes" ? [] : Object.keys(parts).map((name) => `${kind}/${name}`),
  );
  expect([...used].sort()).toEqual(defined.sort());
});

test.each(routes.map((route) => [route.method.name, route] as const))("%s is documented", (name, route) => {
  const operation = document.paths[route.template]?.[route.verb.toLowerCase()];
  expect(operation?.operationId).toBe(name);
  const statuses = new Set(Object.keys(operation?.responses ?? {}));
  expect(statuses.has(String(route.rule.success))).toBe(true);
  for (const code of route.rule.errors) {
    expect(errorCodes).toContain(code as ErrorCode);
    const { status } = httpErrors[code as ErrorCode];
    expect(operation?.responses[status]?.$ref ?? "").toContain(code);
  }
});

test("operation ids are unique", () => {
  const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map((o) => o.operationId));
  expect(new Set(ids).size).toBe(ids.length);
});

test("a created chat leads to the operations on it", () => {
  const text = JSON.stringify(document.paths["/api/v1/chats"]?.["post"]);
  expect(text).toContain(
    '"GetChat":{"operationId":"GetChat","parameters":{"path.chat_id":"$response.body#/data/chat_id"}}',
  );
});

test("the document is served, and needs no token", async () => {
  const fixture = createEdgeFixture();
  mountOpenApi(fixture.app, fixture.edge, ChatMgmtService);
  const response = await fixture.rest("GET", openApiPath);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/yaml; charset=utf-8");
  expect(response.headers.get("x-ratelimit-limit")).toBe("300");
  expect(await response.text()).toBe(generateOpenApi(ChatMgmtService));
  expect((await fixture.rest("POST", openApiPath)).headers.get("allow")).toBe("GET, HEAD, OPTIONS");
});
