/** JSON Schema (draft 07, the dialect of AsyncAPI 3) of a frame. */
import {
  type FieldSchema,
  type Fields,
  type FrameSchema,
  requestIdPattern,
} from "../../protocol/frame-schemas.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

export function frameJsonSchema(frame: FrameSchema): JsonSchema {
  const fromServer = frame.sentBy === "server";
  const hasRequestId = frame.requestId !== "never" && frame.requestId !== "ignored";
  return {
    type: "object",
    required: [
      "type",
      ...(frame.requestId === "required" ? ["request_id"] : []),
      ...(fromServer ? ["timestamp"] : []),
      "payload",
    ],
    properties: {
      type: { type: "string", const: frame.type },
      ...(hasRequestId ? { request_id: requestId(frame) } : {}),
      timestamp: {
        type: "string",
        ...(fromServer ? { format: "date-time" } : {}),
        description: fromServer ? "The server's clock, UTC, milliseconds." : "For debugging; never used.",
      },
      payload: fieldsJsonSchema(frame.payload),
    },
  };
}

function requestId({ requestId: rule }: FrameSchema): JsonSchema {
  const description =
    rule === "echoed"
      ? "Of the request that this answers."
      : "New for every transmission; comes back in the answer.";
  return { type: "string", pattern: requestIdPattern, description };
}

function fieldsJsonSchema(fields: Fields): JsonSchema {
  const required = Object.keys(fields).filter((name) => fields[name]?.required);
  return {
    type: "object",
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(
      Object.entries(fields).map(([name, { schema }]) => [name, fieldJsonSchema(schema)]),
    ),
  };
}

function fieldJsonSchema(schema: FieldSchema): JsonSchema {
  switch (schema.kind) {
    case "string":
      return textJsonSchema(schema);
    case "integer":
      return {
        type: "integer",
        minimum: schema.minimum,
        ...(schema.loweredTo === undefined ? { maximum: schema.maximum } : {}),
        ...(schema.byDefault === undefined ? {} : { default: schema.byDefault }),
        description:
          schema.loweredTo === undefined
            ? schema.description
            : `${schema.description} Larger values are lowered to ${schema.loweredTo}.`,
      };
    case "boolean":
      return { type: "boolean", description: schema.description };
    case "list":
      return { type: "array", items: fieldsJsonSchema(schema.items), description: schema.description };
    case "open":
      return { type: "object", additionalProperties: true, description: schema.description };
  }
}

/** A character is at least one byte: the bound in bytes is one of characters too, and told exactly in words. */
function textJsonSchema(schema: Extract<FieldSchema, { kind: "string" }>): JsonSchema {
  const { bytesMin, bytesMax } = schema;
  return {
    type: "string",
    ...(bytesMin === 0 ? {} : { minLength: bytesMin }),
    ...(bytesMax === undefined ? {} : { maxLength: bytesMax }),
    ...(schema.pattern === undefined ? {} : { pattern: schema.pattern }),
    ...(schema.format === undefined ? {} : { format: schema.format }),
    ...(schema.oneOf === undefined ? {} : { enum: schema.oneOf }),
    description:
      bytesMax === undefined ? schema.description : `${schema.description} At most ${bytesMax} bytes.`,
  };
}
