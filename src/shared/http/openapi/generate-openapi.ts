/** The OpenAPI 3.1 document of a service, from the descriptors that also mount, validate and encode it. */
import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { Access, Envelope } from "../../gen/messaging/v1/rest_pb.js";
import { type FieldPlan, messagePlan } from "../../rpc/field-rules.ts";
import { type RestRoute, restRoutes, routeGroup } from "../rest-routes.ts";
import {
  commonHeaders,
  errorCodesOf,
  errorResponseComponents,
  errorResponses,
  errorSchema,
  headerComponents,
} from "./error-responses.ts";
import { exampleFields, exampleMessage } from "./examples.ts";
import { rateLine } from "./rate-line.ts";
import { answerSchemas, fieldSchema, messageRef, objectSchema, type Schema } from "./schemas.ts";
import { toYaml } from "./yaml.ts";

/** The document as YAML. Deterministic: the committed copy is compared with it byte for byte. */
export function generateOpenApi(service: DescService): string {
  return toYaml(openApiDocument(service));
}

export function openApiDocument(service: DescService): Schema {
  const routes = restRoutes(service);
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routes) {
    paths[route.template] = {
      ...paths[route.template],
      [route.verb.toLowerCase()]: operation(route, routes),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Triplane REST API",
      version: "1.0.0",
      summary: "Identity, chats, members, history and delivery state. Messages are sent over the WebSocket.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    tags: [...new Set(routes.map(routeGroup))].map((name) => ({ name })),
    paths: { ...paths, ...documentPaths },
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      parameters: headerParameters,
      headers: headerComponents,
      responses: errorResponseComponents(routes.map(errorCodesOf)),
      schemas: {
        ...answerSchemas(routes.flatMap(answerRoots)),
        Error: errorSchema,
      },
    },
  };
}

function operation(route: RestRoute, routes: readonly RestRoute[]): Schema {
  const { rule, method } = route;
  return {
    operationId: method.name,
    summary: rule.summary,
    description: [rule.description, rateLine(rule.rate)].filter((part) => part !== "").join(" "),
    tags: [routeGroup(route)],
    ...(rule.aliasOf === "" ? {} : { deprecated: true }),
    ...(rule.access === Access.PUBLIC ? { security: [] } : {}),
    parameters: parameters(route),
    ...(route.hasBody && route.otherFields.length > 0 ? { requestBody: requestBody(route) } : {}),
    responses: { ...successResponses(route, routes), ...errorResponses(errorCodesOf(route)) },
  };
}

function parameters(route: RestRoute): readonly Schema[] {
  const headers = [
    ...(route.rule.deviceIdHeader ? ["X-Device-ID"] : []),
    ...(route.rule.idempotencyKey ? ["Idempotency-Key"] : []),
    "X-Request-ID",
  ];
  return [
    ...route.pathFields.map((plan) => ({ name: plan.name, in: "path", required: true, ...described(plan) })),
    ...(route.hasBody ? [] : route.otherFields.map(queryParameter)),
    ...headers.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
}

function queryParameter(plan: FieldPlan): Schema {
  return {
    name: plan.name,
    in: "query",
    required: plan.rule.required,
    ...(plan.rule.commaSeparated ? { style: "form", explode: false } : {}),
    ...described(plan),
  };
}

function described(plan: FieldPlan): Schema {
  const { description, ...written } = fieldSchema(plan, "request");
  // An empty list cannot be written as a parameter: "?x=" is one empty item.
  const schema = plan.repeated ? { ...written, minItems: plan.rule.sizeMin ?? 1 } : written;
  return description === undefined ? { schema } : { description, schema };
}

function requestBody(route: RestRoute): Schema {
  const refinement = refinements[route.method.name];
  const schema = objectSchema(route.otherFields, "request");
  return {
    required: schema["required"] !== undefined || refinement?.["required"] !== undefined,
    content: {
      "application/json": { schema: { ...schema, ...refinement }, example: exampleFields(route.otherFields) },
    },
  };
}

/** What ties fields together: handlers check it, field rules cannot say it. */
const refinements: Readonly<Record<string, Schema>> = {
  CreateChat: {
    oneOf: [
      { properties: { type: { const: "direct" }, member_ids: { maxItems: 1 } } },
      {
        required: ["name"],
        properties: {
          type: { const: "group" },
          name: { type: "string" },
          member_ids: { uniqueItems: true },
        },
      },
    ],
  },
  UpdateMe: { required: ["display_name"] },
  UpdateChat: { required: ["name"] },
};

function successResponses(route: RestRoute, routes: readonly RestRoute[]): Readonly<Record<string, Schema>> {
  const { rule } = route;
  const links = linksOf(route, routes);
  const answer = (description: string, headers: Readonly<Record<string, Schema>>): Schema => ({
    description,
    headers: { ...commonHeaders, ...headers },
    ...(hasAnswer(route) ? { content: { "application/json": content(route) } } : {}),
    ...(Object.keys(links).length === 0 ? {} : { links }),
  });
  const replay = { "X-Idempotent-Replay": { $ref: "#/components/headers/X-Idempotent-Replay" } };
  return {
    [rule.success]: answer(rule.summary, {}),
    ...(rule.replaySuccess === 0
      ? {}
      : { [rule.replaySuccess]: answer("Repeats the result of an earlier request.", replay) }),
    ...(rule.successFlag === ""
      ? {}
      : { [rule.successUnlessFlag]: answer(`The same, where ${rule.successFlag} is false.`, {}) }),
  };
}

function hasAnswer(route: RestRoute): boolean {
  return route.rule.envelope !== Envelope.EMPTY;
}

function content({ rule, method }: RestRoute): Schema {
  const ref = messageRef(method.output);
  const example = exampleMessage(method.output);
  const enveloped = (data: Schema): Schema => ({ type: "object", required: ["data"], properties: { data } });
  switch (rule.envelope) {
    case Envelope.OK:
      return { schema: enveloped(ref), example: { data: example } };
    case Envelope.OK_LIST: {
      const [list] = messagePlan(method.output);
      if (list === undefined) throw new Error(`${method.output.name} has no list`);
      return { schema: enveloped(fieldSchema(list, "answer")), example: { data: example[list.name] } };
    }
    default:
      return { schema: ref, example };
  }
}

/** The messages that an operation's answer refers to. */
function answerRoots(route: RestRoute): readonly DescMessage[] {
  if (!hasAnswer(route)) return [];
  if (route.rule.envelope !== Envelope.OK_LIST) return [route.method.output];
  return messagePlan(route.method.output).flatMap(({ shape }) =>
    shape.kind === "message" ? [shape.message] : [],
  );
}

/** Where an answer leads: every operation whose path the created object, or the first of a list, fills. */
function linksOf(route: RestRoute, routes: readonly RestRoute[]): Readonly<Record<string, Schema>> {
  const source = linkSource(route);
  if (source === undefined) return {};
  const known = new Set(messagePlan(source.message).map(({ name }) => name));
  const next = routes.filter(
    ({ pathFields, method }) =>
      method !== route.method && pathFields.length > 0 && pathFields.every(({ name }) => known.has(name)),
  );
  return Object.fromEntries(
    next.map(({ method, pathFields }) => [
      method.name,
      {
        operationId: method.name,
        parameters: Object.fromEntries(
          pathFields.map(({ name }) => [`path.${name}`, `$response.body#${source.pointer}/${name}`]),
        ),
      },
    ]),
  );
}

/** The object of an answer that others start from, and where it stands (RFC 6901). */
function linkSource({ rule, method }: RestRoute): { message: DescMessage; pointer: string } | undefined {
  if (rule.envelope === Envelope.OK) {
    return rule.success === 201 ? { message: method.output, pointer: "/data" } : undefined;
  }
  if (rule.envelope !== Envelope.OK_LIST && rule.envelope !== Envelope.PAGE) return undefined;
  const list = messagePlan(method.output).find(({ repeated, shape }) => repeated && shape.kind === "message");
  return list?.shape.kind === "message" ? { message: list.shape.message, pointer: "/data/0" } : undefined;
}

const uuid: Schema = {
  type: "string",
  format: "uuid",
  pattern: "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
};
const uuidExample = "550e8400-e29b-41d4-a716-446655440000";

const headerParameters: Readonly<Record<string, Schema>> = {
  "X-Device-ID": {
    name: "X-Device-ID",
    in: "header",
    required: true,
    description: "The device's own id, stable per installation; equal to device_id where the body has one.",
    schema: uuid,
    example: uuidExample,
  },
  "Idempotency-Key": {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description: "Makes the request repeatable for 24 hours. Keep it over retries.",
    schema: uuid,
    example: uuidExample,
  },
  "X-Request-ID": {
    name: "X-Request-ID",
    in: "header",
    required: false,
    description: "Echoed when it is a canonical UUID; anything else is replaced.",
    schema: { type: "string" },
    example: uuidExample,
  },
};

/** Routes that are no calls of the service. */
const documentPaths: Readonly<Record<string, Schema>> = {
  "/api/v1/health": {
    get: {
      operationId: "GetHealth",
      summary: "Tells whether the service does its work.",
      tags: ["meta"],
      security: [],
      parameters: [{ $ref: "#/components/parameters/X-Request-ID" }],
      responses: {
        "200": healthResponse("It does."),
        "503": healthResponse("It starts, drains or is stuck."),
        ...errorResponses(["RATE_LIMITED"]),
      },
    },
  },
};

function healthResponse(description: string): Schema {
  const status = { type: "string", enum: ["healthy", "degraded", "starting", "draining", "unhealthy"] };
  return {
    description,
    headers: commonHeaders,
    content: {
      "application/json": {
        schema: {
          type: "object",
          required: ["status", "timestamp"],
          properties: { status, timestamp: { type: "string", format: "date-time" } },
        },
        example: { status: "healthy", timestamp: "2026-01-31T10:30:00.000Z" },
      },
    },
  };
}
