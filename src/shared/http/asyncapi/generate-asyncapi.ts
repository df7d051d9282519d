/** The AsyncAPI 3 document of the socket protocol, from the schemas that the parser is held to. */
import { closeCodes, closeReasons } from "../../protocol/close-codes.ts";
import { socketErrorCodes } from "../../protocol/error-codes.ts";
import { exampleFrame, type FrameSchema, frameSchemas } from "../../protocol/frame-schemas.ts";
import { protocolLimits } from "../../protocol/protocol-limits.ts";
import { toYaml } from "../openapi/yaml.ts";
import { frameJsonSchema, type JsonSchema } from "./frame-json-schema.ts";

/** The document as YAML. Deterministic: the committed copy is compared with it byte for byte. */
export function generateAsyncApi(): string {
  return toYaml(asyncApiDocument());
}

const frames: readonly FrameSchema[] = Object.values(frameSchemas);
const channelRef = { $ref: "#/channels/socket" };

export function asyncApiDocument(): JsonSchema {
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Triplane WebSocket protocol",
      version: `${protocolLimits.protocolVersion}.0.0`,
      description: overview,
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    defaultContentType: "application/json",
    servers: {
      gateway: {
        host: "localhost:8080",
        protocol: "ws",
        description: "Wherever the server listens; wss where TLS ends in front of it.",
        security: [{ $ref: "#/components/securitySchemes/bearer" }],
      },
    },
    channels: { socket: channel() },
    operations: Object.fromEntries(frames.map((frame) => [operationName(frame), operation(frame)])),
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "Browsers, which cannot set the header, put the token in the query parameter `token`.",
        },
      },
      messages: Object.fromEntries(frames.map((frame) => [frame.type, message(frame)])),
    },
  };
}

const overview = [
  `One JSON object per WebSocket text message, at most ${protocolLimits.frameBytesMax} bytes. No subprotocol, no`,
  "extension. Unknown fields and unknown types are ignored, on both sides. A frame of the server with a request_id",
  "answers the request that carried it; without one the server started it.",
].join(" ");

function channel(): JsonSchema {
  return {
    address: `/ws/v${protocolLimits.protocolVersion}`,
    title: "The socket",
    description: `${refusals()}\n\n${closes()}\n\n${errors()}`,
    messages: Object.fromEntries(frames.map(({ type }) => [type, { $ref: `#/components/messages/${type}` }])),
    bindings: {
      ws: {
        method: "GET",
        query: {
          type: "object",
          properties: {
            device_id: {
              type: "string",
              format: "uuid",
              description: "The installation; here or in X-Device-ID.",
            },
            token: {
              type: "string",
              description: "The access token, for browsers only: it may end up in logs on the way.",
            },
          },
        },
        headers: {
          type: "object",
          properties: {
            Authorization: { type: "string", description: "Bearer and the access token." },
            "X-Device-ID": { type: "string", format: "uuid" },
          },
        },
        bindingVersion: "0.1.0",
      },
    },
  };
}

/** Named from the server's side, as AsyncAPI 3 wants it: what the application receives and sends. */
function operation(frame: FrameSchema): JsonSchema {
  const messages = [{ $ref: `#/channels/socket/messages/${frame.type}` }];
  const fromClient = frame.sentBy === "client";
  return {
    action: fromClient ? "receive" : "send",
    channel: channelRef,
    summary: frame.summary,
    messages,
    ...(frame.answeredBy === undefined ? {} : { reply: reply(frame.answeredBy) }),
  };
}

function reply(type: string): JsonSchema {
  return {
    channel: channelRef,
    messages: [type, "error"].map((name) => ({ $ref: `#/channels/socket/messages/${name}` })),
  };
}

function operationName({ type, sentBy }: FrameSchema): string {
  return `${sentBy === "client" ? "receive" : "send"}_${type}`;
}

function message(frame: FrameSchema): JsonSchema {
  const correlated = frame.requestId !== "never" && frame.requestId !== "ignored";
  return {
    name: frame.type,
    title: frame.type,
    summary: frame.summary,
    ...(correlated ? { correlationId: { location: "$message.payload#/request_id" } } : {}),
    payload: frameJsonSchema(frame),
    examples: [{ name: frame.type, payload: exampleFrame(frame) }],
  };
}

function refusals(): string {
  return [
    "Refused upgrades have a flat JSON body {error, message, details?, retry_after_seconds?}:",
    "400 invalid_request, unsupported_version; 401 invalid_token, token_revoked; 404 not_found; 429 rate_limited;",
    "503 service_unavailable.",
  ].join(" ");
}

function closes(): string {
  const announced = Object.entries(closeReasons).map(
    ([reason, { code, reconnectAllowed }]) =>
      `${reason} ${code}${reconnectAllowed ? "" : " (do not reconnect)"}`,
  );
  return `Closes that connection_closing announces: ${announced.join(", ")}. A binary frame is answered with close ${closeCodes.unsupportedData}.`;
}

function errors(): string {
  const retries = {
    never: "never",
    backoff: "with backoff",
    after_delay: "after the delay",
    after_refresh: "with a new token",
  };
  const lines = Object.entries(socketErrorCodes).map(([code, { retry }]) => `${code} ${retries[retry]}`);
  return `When to send again after an error: ${lines.join(", ")}.`;
}
