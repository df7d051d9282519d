/**
 * Strict decoding of REST requests by descriptor: exact snake_case names, numbers as JSON numbers, null only where
 * the field rule allows it. All wrong fields are reported at once. Unknown members are ignored.
 */
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import type { FieldError } from "../domain/errors.ts";
import {
  checkCount,
  checkInteger,
  checkText,
  type FieldPlan,
  messagePlan,
  missing,
  validationError,
  wrong,
} from "../rpc/field-rules.ts";
import type { RestRoute } from "./rest-routes.ts";

export type JsonRecord = Readonly<Record<string, unknown>>;

export interface RestInput {
  /** Decoded path parameters by field name. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The parsed body where the route has one, else undefined. */
  readonly body: JsonRecord | undefined;
  /** Found wrong elsewhere (headers), reported together with the fields. */
  readonly headerErrors: readonly FieldError[];
}

/** @throws {TriplaneError} VALIDATION_ERROR with all wrong fields */
export function decodeRequest(route: RestRoute, input: RestInput): Message {
  const errors: FieldError[] = [...input.headerErrors];
  const message = create(route.method.input);
  const values = message as unknown as Record<string, unknown>;
  for (const plan of route.pathFields) {
    assign(values, plan, fromText(plan, input.path[plan.name] ?? "", plan.name, errors));
  }
  if (route.hasBody) {
    decodeMembers(route.otherFields, input.body ?? {}, values, "", errors);
  } else {
    for (const plan of route.otherFields) assign(values, plan, fromQuery(plan, input.query, errors));
  }
  if (errors.length > 0) throw validationError(errors);
  return message;
}

/** Absent stays at the message's default. */
function assign(values: Record<string, unknown>, plan: FieldPlan, value: unknown): void {
  if (value !== undefined) values[plan.localName] = value;
}

function decodeMembers(
  plans: readonly FieldPlan[],
  json: JsonRecord,
  values: Record<string, unknown>,
  prefix: string,
  errors: FieldError[],
): void {
  for (const plan of plans) {
    const path = prefix + plan.name;
    const value = Object.hasOwn(json, plan.name) ? json[plan.name] : undefined;
    if (value === undefined || (value === null && (plan.rule.required || plan.rule.nullable))) {
      if (plan.rule.required) errors.push(missing(path));
    } else {
      assign(
        values,
        plan,
        plan.repeated ? fromArray(plan, value, path, errors) : fromJson(plan, value, path, errors),
      );
    }
  }
}

function fromArray(plan: FieldPlan, value: unknown, path: string, errors: FieldError[]): unknown {
  if (!Array.isArray(value)) return refuse(errors, wrong(path, "INVALID_VALUE", "is not an array"));
  const countError = checkCount(plan.rule, value.length, path);
  if (countError !== undefined) return refuse(errors, countError);
  const items = itemsOf(plan);
  return value.map((item, index) => fromJson(items, item, `${path}[${index}]`, errors));
}

/** Bounds of size belong to the list, everything else to its items. */
function itemsOf(plan: FieldPlan): FieldPlan {
  return { ...plan, repeated: false, rule: { ...plan.rule, sizeMin: undefined, sizeMax: undefined } };
}

function fromJson(plan: FieldPlan, value: unknown, path: string, errors: FieldError[]): unknown {
  switch (plan.shape.kind) {
    case "string":
      if (typeof value !== "string") return refuse(errors, wrong(path, "INVALID_VALUE", "is not a string"));
      return checked(value, checkText(plan.rule, value, path), errors);
    case "bool":
      if (typeof value !== "boolean") return refuse(errors, wrong(path, "INVALID_VALUE", "is not a boolean"));
      return value;
    case "integer":
      if (typeof value !== "number") return refuse(errors, wrong(path, "INVALID_VALUE", "is not a number"));
      if (!Number.isInteger(value)) return refuse(errors, wrong(path, "INVALID_VALUE", "is not an integer"));
      return fromInteger(plan, value, path, errors);
    case "message":
      return fromObject(plan.shape.message, value, path, errors);
  }
}

function fromObject(desc: DescMessage, value: unknown, path: string, errors: FieldError[]): unknown {
  if (!isRecord(value)) return refuse(errors, wrong(path, "INVALID_VALUE", "is not an object"));
  const message = create(desc);
  const values = message as unknown as Record<string, unknown>;
  decodeMembers(messagePlan(desc), value, values, `${path}.`, errors);
  return message;
}

function fromQuery(plan: FieldPlan, query: URLSearchParams, errors: FieldError[]): unknown {
  const given = query.getAll(plan.name);
  if (given.length === 0) {
    return plan.rule.required ? refuse(errors, missing(plan.name)) : undefined;
  }
  if (plan.repeated) {
    const texts = plan.rule.commaSeparated ? given.flatMap((text) => text.split(",")) : given;
    const countError = checkCount(plan.rule, texts.length, plan.name);
    if (countError !== undefined) return refuse(errors, countError);
    const items = itemsOf(plan);
    return texts.map((text, index) => fromText(items, text, `${plan.name}[${index}]`, errors));
  }
  if (given.length > 1) {
    return refuse(errors, wrong(plan.name, "INVALID_VALUE", `is given ${given.length} times`));
  }
  return fromText(plan, given[0] ?? "", plan.name, errors);
}

/** A value written as text: in a path or a query. Numbers are plain decimal digits, booleans true or false. */
function fromText(plan: FieldPlan, text: string, path: string, errors: FieldError[]): unknown {
  switch (plan.shape.kind) {
    case "string":
      return checked(text, checkText(plan.rule, text, path), errors);
    case "bool":
      if (text === "true" || text === "false") return text === "true";
      return refuse(errors, wrong(path, "INVALID_VALUE", "is not true or false"));
    case "integer":
      if (!/^[0-9]+$/.test(text)) return refuse(errors, wrong(path, "INVALID_VALUE", "is not a number"));
      return fromInteger(plan, Number(text), path, errors);
    case "message":
      throw new Error(`${path} is a message: no such thing fits into a path or a query`);
  }
}

function fromInteger(plan: FieldPlan, value: number, path: string, errors: FieldError[]): unknown {
  const error = checkInteger(plan.rule, value, path);
  if (error !== undefined) return refuse(errors, error);
  const within = Math.min(value, plan.rule.maximum);
  return plan.shape.kind === "integer" && plan.shape.wide ? BigInt(within) : within;
}

function checked(value: string, error: FieldError | undefined, errors: FieldError[]): string | undefined {
  return error === undefined ? value : refuse(errors, error);
}

function refuse(errors: FieldError[], error: FieldError): undefined {
  errors.push(error);
  return undefined;
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
