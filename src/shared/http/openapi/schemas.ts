/** JSON Schema (2020-12, the dialect of OpenAPI 3.1) of messages and fields, from their field rules. */
import type { DescMessage } from "@bufbuild/protobuf";
import { type FieldPlan, messagePlan, type Rule } from "../../rpc/field-rules.ts";
import { exampleField } from "./examples.ts";

export type Schema = Readonly<Record<string, unknown>>;

/**
 * `request`: optional members may be missing, null only where the rule allows it.
 * `answer`: every member is there, null when absent, unless the rule leaves it out.
 */
export type Direction = "request" | "answer";

/** The components that answers refer to, by message name. */
export function answerSchemas(messages: readonly DescMessage[]): Readonly<Record<string, Schema>> {
  const schemas = new Map<string, Schema>();
  const add = (message: DescMessage): void => {
    if (schemas.has(message.name)) return;
    schemas.set(message.name, objectSchema(messagePlan(message), "answer"));
    for (const { shape } of messagePlan(message)) if (shape.kind === "message") add(shape.message);
  };
  messages.forEach(add);
  return Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function objectSchema(plans: readonly FieldPlan[], direction: Direction): Schema {
  const required = plans
    .filter(({ rule }) => (direction === "request" ? rule.required : !rule.omitAbsent))
    .map(({ name }) => name);
  return {
    type: "object",
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(plans.map((plan) => [plan.name, fieldSchema(plan, direction)])),
  };
}

export function fieldSchema(plan: FieldPlan, direction: Direction): Schema {
  const { rule } = plan;
  const nullable =
    direction === "request" ? rule.nullable : plan.optional && !rule.required && !rule.omitAbsent;
  if (plan.shape.kind === "message" && !plan.repeated) {
    const ref = messageRef(plan.shape.message);
    return nullable ? { anyOf: [ref, { type: "null" }] } : ref;
  }
  const schema = plan.repeated ? listSchema(plan) : valueSchema(plan, rule);
  const example = exampleField(plan);
  return {
    ...schema,
    ...(nullable ? { type: [schema["type"], "null"] } : {}),
    ...(rule.defaultValue === "" ? {} : { default: defaultOf(plan) }),
    ...(describe(plan) === "" ? {} : { description: describe(plan) }),
    ...(example === undefined || plan.shape.kind === "message" ? {} : { examples: [example] }),
  };
}

export function messageRef(message: DescMessage): Schema {
  return { $ref: `#/components/schemas/${message.name}` };
}

function listSchema(plan: FieldPlan): Schema {
  const { rule } = plan;
  const items =
    plan.shape.kind === "message"
      ? messageRef(plan.shape.message)
      : valueSchema(plan, { ...rule, sizeMin: undefined, sizeMax: undefined });
  return {
    type: "array",
    items,
    ...(rule.sizeMin === undefined ? {} : { minItems: rule.sizeMin }),
    ...(rule.sizeMax === undefined ? {} : { maxItems: rule.sizeMax }),
  };
}

/** No white space at an end, no control characters: `trimmed` in the dialect that all validators share. */
const trimmedPattern =
  "^[^\\s\\ufeff\\u0000-\\u001f\\u007f-\\u009f]([^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\ufeff\\u0000-\\u001f\\u007f-\\u009f])?$";

function valueSchema(plan: FieldPlan, rule: Rule): Schema {
  switch (plan.shape.kind) {
    case "string":
      return {
        type: "string",
        ...(rule.oneOf.length === 0 ? {} : { enum: rule.oneOf }),
        ...(rule.sizeMin === undefined ? {} : { minLength: rule.sizeMin }),
        ...(rule.sizeMax === undefined ? {} : { maxLength: rule.sizeMax }),
        ...(rule.pattern === undefined ? {} : { pattern: rule.pattern.source.replaceAll("\\/", "/") }),
        ...(rule.trimmed ? { pattern: trimmedPattern } : {}),
        ...(/_(at|until|since)$/.test(plan.name) ? { format: "date-time" } : {}),
      };
    case "integer":
      return {
        type: "integer",
        ...(plan.shape.wide ? { format: "int64" } : {}),
        minimum: rule.minimum,
        ...(rule.clamp ? {} : { maximum: rule.maximum }),
      };
    default:
      return { type: "boolean" };
  }
}

function defaultOf(plan: FieldPlan): unknown {
  if (plan.shape.kind === "integer") return Number(plan.rule.defaultValue);
  return plan.shape.kind === "bool" ? plan.rule.defaultValue === "true" : plan.rule.defaultValue;
}

function describe({ rule }: FieldPlan): string {
  const clamped = rule.clamp ? `Larger values are lowered to ${rule.maximum}.` : "";
  return [rule.description, clamped].filter((part) => part !== "").join(" ");
}
