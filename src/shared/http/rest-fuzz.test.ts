/** Goal: no input makes the edge fail: it is accepted or refused with a complete envelope. Method: seeded random requests to every route. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { ChatMgmtService } from "../gen/messaging/v1/chatmgmt_pb.js";
import { createEdgeFixture, userHeaders } from "./edge-fixture.ts";
import { exampleFields } from "./openapi/examples.ts";
import { type RestRoute, restRoutes } from "./rest-routes.ts";

const routes = restRoutes(ChatMgmtService);
const fixture = createEdgeFixture({}, { rateLimitsEnabled: false });

/** Bodies near valid ones: some members replaced by anything. */
function bodyOf(route: RestRoute): fc.Arbitrary<string | Uint8Array> {
  const example = exampleFields(route.otherFields);
  const mutated = fc
    .dictionary(fc.constantFrom("__proto__", "extra", ...Object.keys(example)), fc.jsonValue(), {
      maxKeys: 4,
    })
    .map((changes) => JSON.stringify({ ...example, ...changes }));
  return fc.oneof(mutated, fc.json(), fc.string({ unit: "binary" }), fc.uint8Array());
}

const segment = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("chat_1", "user_1", "1", "me", "..", "%"),
);

function requestOf(route: RestRoute): fc.Arbitrary<{ path: string; body: string | Uint8Array | undefined }> {
  const names = route.pathFields.map(({ name }) => name);
  const path = fc
    .tuple(fc.array(segment, { minLength: names.length, maxLength: names.length }), fc.boolean())
    .map(([values, valid]) =>
      names.reduce(
        (text, name, at) =>
          text.replace(
            `{${name}}`,
            encodeURIComponent(valid ? `${name.split("_")[0]}_1` : (values[at] ?? "").toWellFormed()) || "x",
          ),
        route.template,
      ),
    );
  const query = fc
    .array(
      fc.tuple(
        fc.constantFrom("x", ...route.otherFields.map(({ name }) => name)),
        fc.string({ unit: "binary" }),
      ),
      { maxLength: 4 },
    )
    .map((pairs) =>
      new URLSearchParams(pairs.map(([name, value]) => [name, value.toWellFormed()])).toString(),
    );
  return fc.record({
    path: route.hasBody ? path : fc.tuple(path, query).map(([p, q]) => `${p}?${q}`),
    body: route.hasBody ? bodyOf(route) : fc.constant(undefined),
  });
}

test.each(routes.map((route) => [route.method.name, route] as const))("%s never fails", async (_, route) => {
  await fc.assert(
    fc.asyncProperty(requestOf(route), async ({ path, body }) => {
      const response = await fixture.rest(route.verb, path, {
        headers: userHeaders(),
        ...(body === undefined ? {} : { body: body as BodyInit }),
      });
      const text = await response.text();
      if (response.status < 300) return;
      expect([400, 404, 405]).toContain(response.status);
      const { error } = JSON.parse(text) as { error: { code: string; message: string; request_id: string } };
      expect(error.message.length).toBeGreaterThan(0);
      if (error.code === "VALIDATION_ERROR") expect(text).toContain('"field_errors":[{');
    }),
    { numRuns: 60 },
  );
});
