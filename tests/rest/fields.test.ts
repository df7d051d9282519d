/**
 * Goal: every field of every request is checked before anything is done, and the refusal names it. Method: a good
 * request with one field spoilt, for every way that the field's rule leaves, driven by the descriptors.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { FieldError } from "../../src/shared/domain/errors.ts";
import type { FieldPlan } from "../../src/shared/rpc/field-rules.ts";
import { openRestWorld, type Reply, type RestRequest, type RestWorld, routes } from "./rest-world.ts";

let world: RestWorld;
beforeEach(async () => {
  world = await openRestWorld();
});
afterEach(() => world.at.storage.close());

/** A value that must be refused. The error may stand at an item of the field: `phone_numbers[0]`. */
interface Spoilt {
  readonly value: unknown;
  readonly code: FieldError["code"];
}

const wrongType = (...values: readonly unknown[]): Spoilt[] =>
  values.map((value) => ({ value, code: "INVALID_VALUE" }));

/** Everything wrong that a JSON body can say about a field. */
function spoiltInBody(plan: FieldPlan): readonly Spoilt[] {
  const { rule } = plan;
  const absent: Spoilt[] = rule.required
    ? [
        { value: undefined, code: "REQUIRED" },
        { value: null, code: "REQUIRED" },
      ]
    : rule.nullable
      ? []
      : [{ value: null, code: "INVALID_VALUE" }];
  if (plan.repeated) {
    const items = spoiltValues(plan).map(({ value, code }) => ({ value: [value], code }));
    const counts: Spoilt[] = [
      ...(rule.sizeMin === undefined ? [] : [{ value: [], code: "MIN_LENGTH" } as const]),
      ...(rule.sizeMax === undefined
        ? []
        : [{ value: Array(rule.sizeMax + 1).fill(rule.example || "x"), code: "TOO_MANY" } as const]),
    ];
    return [...absent, ...wrongType("x", 1, true, {}, { 0: "x" }), ...counts, ...items];
  }
  return [...absent, ...spoiltValues(plan)];
}

function spoiltValues({ shape, rule, repeated }: FieldPlan): readonly Spoilt[] {
  switch (shape.kind) {
    case "string":
      return [
        ...wrongType(1, 0, true, false, {}, [["x"]]),
        ...spoiltTexts(rule, repeated).map(({ text, code }) => ({ value: text, code })),
        { value: `${rule.example}\ud800`, code: "INVALID_FORMAT" },
      ];
    case "integer":
      return wrongType("1", "", true, {}, [1], 1.5, 1e300, ...outOfBounds(rule));
    case "bool":
      return wrongType("true", 1, 0, {}, []);
    case "message":
      return wrongType("x", 1, []);
  }
}

function outOfBounds(rule: FieldPlan["rule"]): readonly number[] {
  return [rule.minimum - 1, ...(rule.clamp ? [] : [rule.maximum + 1])];
}

function spoiltTexts(
  rule: FieldPlan["rule"],
  repeated: boolean,
): readonly { readonly text: string; readonly code: FieldError["code"] }[] {
  return [
    ...(rule.oneOf.length > 0 ? [{ text: "owner of all", code: "INVALID_VALUE" } as const] : []),
    ...(rule.sizeMax === undefined || repeated
      ? []
      : [{ text: "x".repeat(rule.sizeMax + 1), code: "TOO_LONG" } as const]),
    ...(rule.sizeMin === undefined || repeated || rule.sizeMin === 0
      ? []
      : [{ text: "", code: "MIN_LENGTH" } as const]),
    ...(rule.pattern === undefined || rule.sizeMin !== undefined
      ? []
      : [
          "",
          "?",
          " ",
          `${rule.example}\n`,
          `${rule.example} `,
          `${rule.example}'; DROP TABLE users`,
          "é",
        ].map((text) => ({ text, code: "INVALID_FORMAT" }) as const)),
    ...(rule.trimmed ? [" x", "x ", "a\u0000b", "a\u001fb", "a\u0085b"] : []).map(
      (text) => ({ text, code: "INVALID_FORMAT" }) as const,
    ),
  ];
}

/** Everything wrong that a path or a query can say: texts. */
function spoiltInUrl(
  plan: FieldPlan,
): readonly { readonly text: string; readonly code: FieldError["code"] }[] {
  const { shape, rule, repeated } = plan;
  switch (shape.kind) {
    case "integer":
      return ["abc", "-1", "1.5", "1e3", " 1", "0x10", ...outOfBounds(rule).map(String)].map((text) => ({
        text,
        code: "INVALID_VALUE",
      }));
    case "bool":
      return ["1", "TRUE", "yes", " true"].map((text) => ({ text, code: "INVALID_VALUE" }));
    default:
      return spoiltTexts(rule, repeated);
  }
}

/** The refusal names the field, and no store has heard of the request. */
function expectRefused(reply: Reply, shown: unknown, field: string, code: string, callsBefore: number): void {
  const errors: readonly FieldError[] = reply.body?.error?.details?.field_errors ?? [];
  const named = errors.filter((error) => error.field === field || error.field.startsWith(`${field}[`));
  expect([shown, reply.status, reply.body?.error?.code, named.map((error) => error.code)[0]]).toEqual([
    shown,
    400,
    "VALIDATION_ERROR",
    code,
  ]);
  expect(errors.length).toBe(named.length);
  const guarding = /^(rateLimiter|revocation|accessTokens)\./;
  expect(world.at.calls.slice(callsBefore).filter((call) => !guarding.test(call))).toEqual([]);
}

async function sendSpoilt(request: RestRequest, shown: unknown, field: string, code: string): Promise<void> {
  const before = world.at.calls.length;
  expectRefused(await world.send(request), shown, field, code, before);
}

const bodyFields = routes.flatMap(({ method, hasBody, otherFields }) =>
  hasBody ? otherFields.map((plan) => [method.localName, plan.name, plan] as const) : [],
);

test.each(bodyFields)(
  "%s: body field %s, missing, null, of another type, form or size",
  async (name, field, plan) => {
    const request = await world.good(name);
    const body = typeof request.body === "object" ? request.body : {};
    for (const { value, code } of spoiltInBody(plan)) {
      world.at.fail("rateLimiter.take", () => ({ allowed: true, states: [] }));
      await sendSpoilt({ ...request, body: { ...body, [field]: value } }, value, field, code);
    }
  },
);

const queryFields = routes.flatMap(({ method, hasBody, otherFields }) =>
  hasBody ? [] : otherFields.map((plan) => [method.localName, plan.name, plan] as const),
);

test.each(queryFields)("%s: query parameter %s, of another form, or twice", async (name, field, plan) => {
  const request = await world.good(name);
  for (const { text, code } of spoiltInUrl(plan)) {
    await sendSpoilt(
      { ...request, path: `${request.path}?${field}=${encodeURIComponent(text)}` },
      text,
      field,
      code,
    );
  }
  if (plan.repeated) return;
  const value = plan.shape.kind === "bool" ? "true" : plan.rule.example || "1";
  const twice = [value, value].map((text) => `${field}=${encodeURIComponent(text)}`).join("&");
  await sendSpoilt({ ...request, path: `${request.path}?${twice}` }, twice, field, "INVALID_VALUE");
});

const pathFields = routes.flatMap(({ method, pathFields: fields }) =>
  fields.map((plan) => [method.localName, plan.name, plan] as const),
);

test.each(pathFields)("%s: path parameter %s of another form", async (name, field, plan) => {
  const request = await world.good(name);
  const good = new Map([
    ["chat_id", world.groupId],
    ["user_id", world.member.userId],
    ["message_id", world.messageId],
    ["session_id", world.owner.sessionId],
    ["sequence", "2"],
  ]).get(field);
  for (const { text, code } of spoiltInUrl(plan).filter(({ text: written }) => written !== "")) {
    world.at.fail("rateLimiter.take", () => ({ allowed: true, states: [] }));
    const parts = request.path.split("/");
    const path = parts.with(parts.lastIndexOf(good ?? ""), encodeURIComponent(text)).join("/");
    await sendSpoilt({ ...request, path }, text, field, code);
  }
});

const badUuids = ["", "x", "550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-44665544000g"];

test.each(routes.filter(({ rule }) => rule.deviceIdHeader).map(({ method }) => method.localName))(
  "%s: header X-Device-ID missing, empty or no UUID",
  async (name) => {
    const request = await world.good(name);
    const { "x-device-id": _, ...others } = request.headers;
    await sendSpoilt({ ...request, headers: others }, "missing", "X-Device-ID", "REQUIRED");
    for (const value of badUuids.slice(1)) {
      const headers = { ...request.headers, "x-device-id": value };
      await sendSpoilt({ ...request, headers }, value, "X-Device-ID", "INVALID_FORMAT");
    }
  },
);

test.each(routes.filter(({ rule }) => rule.idempotencyKey).map(({ method }) => method.localName))(
  "%s: header Idempotency-Key that is no UUID",
  async (name) => {
    const request = await world.good(name);
    for (const value of badUuids.slice(1)) {
      const headers = { ...request.headers, "idempotency-key": value };
      await sendSpoilt({ ...request, headers }, value, "Idempotency-Key", "INVALID_FORMAT");
    }
  },
);

test.each(routes.map((route) => [route.method.localName, route] as const))(
  "%s: what the contract does not know is ignored, in body, query and headers",
  async (name, route) => {
    const request = await world.good(name);
    const body = typeof request.body === "object" ? request.body : {};
    const reply = await world.send({
      ...request,
      path: `${request.path}?unknown=1&__proto__=x`,
      headers: {
        ...request.headers,
        "x-unknown": "1",
        "idempotency-key": "550e8400-e29b-41d4-a716-446655440000",
      },
      body: route.hasBody
        ? { ...body, unknown: { deep: [1] }, constructor: 1, Phone_Number: "x" }
        : undefined,
    });
    expect(reply.status).toBe(route.rule.success);
  },
);

test("several wrong fields are named at once, with the headers among them", async () => {
  const before = world.at.calls.length;
  const reply = await world.send({
    ...(await world.good("requestOtp")),
    path: "/auth/verify-otp",
    body: { phone_number: "1", otp: 123456 },
  });
  const errors: readonly FieldError[] = reply.body.error.details.field_errors;
  expect(errors.map(({ field, code }) => [field, code]).toSorted()).toEqual([
    ["X-Device-ID", "REQUIRED"],
    ["device_id", "REQUIRED"],
    ["otp", "INVALID_VALUE"],
    ["phone_number", "INVALID_FORMAT"],
  ]);
  expect(world.at.calls.slice(before).filter((call) => !call.startsWith("rateLimiter."))).toEqual([]);
});
