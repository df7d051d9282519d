/** The REST routes of a service, read from its `google.api.http` and `messaging.v1.rest` options. */
import { type DescMethod, type DescMethodUnary, type DescService, getOption } from "@bufbuild/protobuf";
import { http } from "../gen/google/api/annotations_pb.js";
import type { RestRule } from "../gen/messaging/v1/rest_pb.js";
import { type FieldPlan, messagePlan } from "../rpc/field-rules.ts";
import { restRule } from "../rpc/rest-rule.ts";

export type Verb = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RestRoute {
  readonly method: DescMethodUnary;
  readonly verb: Verb;
  /** As annotated: `/api/v1/chats/{chat_id}`. */
  readonly template: string;
  /** As Hono writes it: `/api/v1/chats/:chat_id`. */
  readonly path: string;
  readonly rule: RestRule;
  readonly pathFields: readonly FieldPlan[];
  /** Members of the body where `hasBody`, else query parameters. */
  readonly otherFields: readonly FieldPlan[];
  readonly hasBody: boolean;
}

/** In the order of the proto file. @throws {Error} a method without either option, a streaming method, or a body that is not "*" */
export function restRoutes(service: DescService): readonly RestRoute[] {
  return service.methods.map((method) => restRoute(method));
}

/** Literal segments come before parameters, so that the first route that matches a path is the most specific one. */
export function bySpecificity(routes: readonly RestRoute[]): readonly RestRoute[] {
  return routes.toSorted((a, b) => (specificity(a.template) < specificity(b.template) ? -1 : 1));
}

function restRoute(method: DescMethod): RestRoute {
  const name = `${method.parent.typeName}.${method.name}`;
  if (method.methodKind !== "unary") throw new Error(`${name} streams, REST cannot`);
  const { pattern, body } = getOption(method, http);
  const verb = pattern.case?.toUpperCase();
  if (typeof pattern.value !== "string" || !isVerb(verb)) throw new Error(`${name} has no HTTP route`);
  const hasBody = verb === "POST" || verb === "PUT" || verb === "PATCH";
  if (hasBody !== (body === "*")) throw new Error(`${name} is ${verb} with body "${body}"`);
  const template = pattern.value;
  const parameters = new Set([...template.matchAll(/\{([a-z_]+)\}/g)].map((match) => match[1]));
  const plan = messagePlan(method.input);
  return {
    method: method as DescMethodUnary,
    verb,
    template,
    path: template.replaceAll(/\{([a-z_]+)\}/g, ":$1"),
    rule: restRule(method),
    pathFields: plan.filter((field) => parameters.has(field.name)),
    otherFields: plan.filter((field) => !parameters.has(field.name)),
    hasBody,
  };
}

/** The first segment below the version: what documents group operations by. */
export function routeGroup(route: RestRoute): string {
  return route.template.split("/")[3] || "meta";
}

function isVerb(text: string | undefined): text is Verb {
  return text === "GET" || text === "POST" || text === "PUT" || text === "PATCH" || text === "DELETE";
}

/** In code units "~" sorts after every character of a literal segment. */
function specificity(template: string): string {
  return template.replaceAll(/\{[a-z_]+\}/g, "~");
}
