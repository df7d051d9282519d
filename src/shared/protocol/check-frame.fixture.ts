/** What is wrong with a frame by its schema alone: the yardstick for the parser, and for what servers send. */
import { type Field, type Fields, type FrameSchema, requestIdPattern } from "./frame-schemas.ts";
import { utf8Bytes } from "./utf8-bytes.ts";

/** @returns the path of every field that is missing or wrong; [] for a valid frame. Unknown fields are ignored. */
export function checkFrame(frame: FrameSchema, value: unknown): readonly string[] {
  if (!isRecord(value)) return ["frame"];
  const { type, request_id, timestamp, payload } = value;
  return [
    ...(type === frame.type ? [] : ["type"]),
    ...(requestIdHolds(frame, request_id) ? [] : ["request_id"]),
    ...(frame.sentBy === "client" || isTime(timestamp) ? [] : ["timestamp"]),
    ...(isRecord(payload) ? wrongFields(frame.payload, payload, "") : ["payload"]),
  ];
}

function requestIdHolds({ requestId }: FrameSchema, value: unknown): boolean {
  if (requestId === "ignored") return true;
  if (requestId === "never") return value === undefined;
  if (value === undefined) return requestId !== "required";
  return typeof value === "string" && new RegExp(requestIdPattern).test(value);
}

function wrongFields(fields: Fields, value: Readonly<Record<string, unknown>>, prefix: string): string[] {
  return Object.entries(fields).flatMap(([name, field]) => wrongField(field, value[name], prefix + name));
}

function wrongField({ schema, required }: Field, value: unknown, path: string): string[] {
  if (value === undefined) return required ? [path] : [];
  if (schema.kind === "list") {
    if (!Array.isArray(value)) return [path];
    return value.flatMap((item, index) =>
      isRecord(item) ? wrongFields(schema.items, item, `${path}[${index}].`) : [`${path}[${index}]`],
    );
  }
  return valueHolds(schema, value) ? [] : [path];
}

function valueHolds(schema: Exclude<Field["schema"], { kind: "list" }>, value: unknown): boolean {
  switch (schema.kind) {
    case "string":
      return typeof value === "string" && textHolds(schema, value);
    case "integer":
      return (
        Number.isSafeInteger(value) &&
        (value as number) >= schema.minimum &&
        (value as number) <= schema.maximum
      );
    case "boolean":
      return typeof value === "boolean";
    default:
      return isRecord(value);
  }
}

function textHolds(schema: Extract<Field["schema"], { kind: "string" }>, value: string): boolean {
  const bytes = utf8Bytes(value);
  return (
    bytes >= schema.bytesMin &&
    bytes <= (schema.bytesMax ?? Number.POSITIVE_INFINITY) &&
    value.isWellFormed() &&
    !value.includes("\u0000") &&
    (schema.pattern === undefined || new RegExp(schema.pattern).test(value)) &&
    (schema.oneOf === undefined || schema.oneOf.includes(value)) &&
    (schema.format !== "date-time" || isTime(value))
  );
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
