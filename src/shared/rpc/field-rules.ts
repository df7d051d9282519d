/**
 * The field rules of the proto files (`messaging.v1.field`), compiled once per message. REST decoding, the check
 * of RPC messages and the OpenAPI document all read these plans, so that no bound is written twice.
 */
import { type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import { type FieldError, TriplaneError } from "../domain/errors.ts";
import { field as fieldOption } from "../gen/messaging/v1/rest_pb.js";

export interface Rule {
  readonly required: boolean;
  readonly nullable: boolean;
  readonly omitAbsent: boolean;
  /** Code points of a string, items of a repeated field. */
  readonly sizeMin: number | undefined;
  readonly sizeMax: number | undefined;
  readonly minimum: number;
  readonly maximum: number;
  readonly pattern: RegExp | undefined;
  readonly oneOf: readonly string[];
  readonly trimmed: boolean;
  readonly clamp: boolean;
  readonly commaSeparated: boolean;
  readonly example: string;
  readonly defaultValue: string;
  readonly description: string;
}

export type FieldShape =
  | { readonly kind: "string" }
  | { readonly kind: "bool" }
  /** `wide`: 64 bits in proto, a bigint in the message and a safe integer in JSON. */
  | { readonly kind: "integer"; readonly wide: boolean }
  | { readonly kind: "message"; readonly message: DescMessage };

export interface FieldPlan {
  /** The name in proto and in JSON. */
  readonly name: string;
  /** The property of the generated message. */
  readonly localName: string;
  readonly shape: FieldShape;
  readonly repeated: boolean;
  /** Absence can be told from the default value. */
  readonly optional: boolean;
  readonly rule: Rule;
}

const plans = new WeakMap<DescMessage, readonly FieldPlan[]>();

/** The message's fields in proto order. @throws {Error} a field of a kind that REST does not know: bytes, float, enum, map, signed */
export function messagePlan(message: DescMessage): readonly FieldPlan[] {
  let plan = plans.get(message);
  if (plan === undefined) {
    plan = message.fields.map(fieldPlan);
    plans.set(message, plan);
  }
  return plan;
}

function fieldPlan(field: DescField): FieldPlan {
  const shape = fieldShape(field);
  return {
    name: field.name,
    localName: field.localName,
    shape,
    repeated: field.fieldKind === "list",
    optional: field.proto.proto3Optional || field.fieldKind === "message",
    rule: compileRule(field, shape),
  };
}

function fieldShape(field: DescField): FieldShape {
  if (field.message !== undefined && field.fieldKind !== "map") {
    return { kind: "message", message: field.message };
  }
  if (field.fieldKind === "scalar" || field.fieldKind === "list") {
    switch (field.scalar) {
      case ScalarType.STRING:
        return { kind: "string" };
      case ScalarType.BOOL:
        return { kind: "bool" };
      case ScalarType.UINT32:
        return { kind: "integer", wide: false };
      case ScalarType.UINT64:
        return { kind: "integer", wide: true };
    }
  }
  throw new Error(`field ${field.parent.typeName}.${field.name} is of a kind that REST does not know`);
}

function compileRule(field: DescField, shape: FieldShape): Rule {
  const option = getOption(field, fieldOption);
  const widest = shape.kind === "integer" && shape.wide ? Number.MAX_SAFE_INTEGER : 2 ** 32 - 1;
  return {
    required: option.required,
    nullable: option.nullable,
    omitAbsent: option.omitAbsent,
    sizeMin: option.min,
    sizeMax: option.max,
    minimum: Number(option.minimum ?? 0n),
    maximum: Number(option.maximum ?? BigInt(widest)),
    pattern: option.pattern === "" ? undefined : new RegExp(option.pattern, "u"),
    oneOf: option.oneOf,
    trimmed: option.trimmed,
    clamp: option.clamp,
    commaSeparated: option.commaSeparated,
    example: option.example,
    defaultValue: option.defaultValue,
    description: option.description,
  };
}

/** Checks one text. @returns what is wrong first: well-formedness, length in code points, form, value. */
export function checkText(rule: Rule, value: string, path: string): FieldError | undefined {
  if (!value.isWellFormed()) return wrong(path, "INVALID_FORMAT", "holds a lone surrogate");
  if (rule.sizeMin !== undefined || rule.sizeMax !== undefined) {
    const points = codePoints(value);
    if (rule.sizeMin !== undefined && points < rule.sizeMin) {
      return wrong(path, "MIN_LENGTH", `is ${points} characters, at least ${rule.sizeMin} are needed`);
    }
    if (rule.sizeMax !== undefined && points > rule.sizeMax) {
      return wrong(path, "TOO_LONG", `is ${points} characters, limit ${rule.sizeMax}`);
    }
  }
  if (rule.trimmed && (value !== value.trim() || /\p{Cc}/u.test(value))) {
    return wrong(path, "INVALID_FORMAT", "has white space at an end or control characters");
  }
  if (rule.pattern !== undefined && !rule.pattern.test(value)) {
    return wrong(path, "INVALID_FORMAT", `does not match ${rule.pattern.source}`);
  }
  if (rule.oneOf.length > 0 && !rule.oneOf.includes(value)) {
    return wrong(path, "INVALID_VALUE", `is not one of ${rule.oneOf.join(", ")}`);
  }
  return undefined;
}

/** Checks one integer; a value above the maximum passes where the rule clamps. */
export function checkInteger(rule: Rule, value: number, path: string): FieldError | undefined {
  if (value < rule.minimum || (value > rule.maximum && !rule.clamp)) {
    return wrong(path, "INVALID_VALUE", `is ${value}, allowed are ${rule.minimum} to ${rule.maximum}`);
  }
  return undefined;
}

/** Checks the number of items of a repeated field. */
export function checkCount(rule: Rule, count: number, path: string): FieldError | undefined {
  if (rule.sizeMin !== undefined && count < rule.sizeMin) {
    return wrong(path, "MIN_LENGTH", `has ${count} items, at least ${rule.sizeMin} are needed`);
  }
  if (rule.sizeMax !== undefined && count > rule.sizeMax) {
    return wrong(path, "TOO_MANY", `has ${count} items, limit ${rule.sizeMax}`);
  }
  return undefined;
}

export function wrong(path: string, code: FieldError["code"], problem: string): FieldError {
  return { field: path, code, message: `${path} ${problem}` };
}

export function missing(path: string): FieldError {
  return wrong(path, "REQUIRED", "is required");
}

/** All wrong fields of a request in one refusal. */
export function validationError(fieldErrors: readonly FieldError[]): TriplaneError {
  return new TriplaneError("VALIDATION_ERROR", "The request is not valid", {
    details: { field_errors: fieldErrors },
  });
}

/** Unicode code points of a well-formed text. */
function codePoints(text: string): number {
  let points = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit <= 0xdbff) points--;
  }
  return points;
}
