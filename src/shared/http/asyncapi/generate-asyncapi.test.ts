/** Goal: the document describes every frame, and the committed copy says the same. Method: the document against the schemas. */
import { expect, test } from "bun:test";
import { closeReasons } from "../../protocol/close-codes.ts";
import { socketErrorCodes } from "../../protocol/error-codes.ts";
import { type FrameSchema, frameSchemas } from "../../protocol/frame-schemas.ts";
import { createEdgeFixture } from "../edge-fixture.ts";
import { asyncApiDocument, generateAsyncApi } from "./generate-asyncapi.ts";
import { asyncApiPath, mountAsyncApi } from "./mount-asyncapi.ts";

const document = JSON.parse(JSON.stringify(asyncApiDocument()));
const frames: readonly FrameSchema[] = Object.values(frameSchemas);

test("the committed copy is current (bun scripts/asyncapi.ts writes it)", async () => {
  const committed = await Bun.file(new URL("../../../../proto/asyncapi.yaml", import.meta.url)).text();
  expect(committed === generateAsyncApi()).toBe(true);
});

test("the YAML reads back as the document", () => {
  expect(Bun.YAML.parse(generateAsyncApi())).toEqual(document);
});

test("every reference leads somewhere", () => {
  for (const [, pointer = ""] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const target = pointer.split("/").reduce((value, key) => value?.[key], document);
    expect([pointer, typeof target]).toEqual([pointer, "object"]);
  }
});

test.each(frames.map((frame) => [frame.type, frame] as const))("%s is documented", (type, frame) => {
  const received = frame.sentBy === "client";
  const operation = document.operations[`${received ? "receive" : "send"}_${type}`];
  expect(operation.action).toBe(received ? "receive" : "send");
  expect(operation.reply === undefined).toBe(frame.answeredBy === undefined);
  const { payload, examples } = document.components.messages[type];
  expect(payload.properties.type).toEqual({ type: "string", const: type });
  expect(Object.keys(payload.properties.payload.properties)).toEqual(Object.keys(frame.payload));
  for (const name of payload.required) expect(examples[0].payload).toHaveProperty(name);
});

test("every error code, every close reason is in the document", () => {
  const text = document.channels.socket.description as string;
  for (const name of [...Object.keys(socketErrorCodes), ...Object.keys(closeReasons)])
    expect(text).toContain(name);
});

test("the document is served, and needs no token", async () => {
  const fixture = createEdgeFixture();
  mountAsyncApi(fixture.app, fixture.edge);
  const response = await fixture.rest("GET", asyncApiPath);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/yaml; charset=utf-8");
  expect(await response.text()).toBe(generateAsyncApi());
});
