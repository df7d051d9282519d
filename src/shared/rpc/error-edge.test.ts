/** Goal: a code of ours survives RPC, with message and details; foreign errors get a code. Method: every code both ways. */
import { expect, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorCodes, TriplaneError } from "../domain/errors.ts";
import {
  connectCodes,
  errorCodeHeader,
  fromConnectError,
  normalizeConnectError,
  normalizeError,
  toConnectError,
} from "./error-edge.ts";

test.each([...errorCodes])("%s goes there and back", (code) => {
  const details = { limit: 60, fields: [{ field: "name", nested: { deep: null } }], flag: true };
  const sent = toConnectError(new TriplaneError(code, "Why not", { details }));
  expect(sent.code).toBe(connectCodes[code]);
  expect(sent.metadata.get(errorCodeHeader)).toBe(code);
  const received = fromConnectError(sent);
  expect([received.code, received.message]).toEqual([code, "Why not"]);
  expect(received.details).toEqual(code === "INTERNAL_ERROR" ? undefined : details);
});

test("members that JSON cannot say are dropped", () => {
  const sent = toConnectError(new TriplaneError("FORBIDDEN", "No", { details: { a: undefined, b: 1 } }));
  expect(fromConnectError(sent).details).toEqual({ b: 1 });
});

test("without the detail the header is enough", () => {
  const error = new ConnectError("No", Code.PermissionDenied, { [errorCodeHeader]: "NOT_A_MEMBER" });
  expect(fromConnectError(error)).toMatchObject({ code: "NOT_A_MEMBER", message: "No", details: undefined });
});

test.each([
  [Code.DeadlineExceeded, "SERVICE_UNAVAILABLE"],
  [Code.Canceled, "SERVICE_UNAVAILABLE"],
  [Code.Unavailable, "SERVICE_UNAVAILABLE"],
  [Code.Internal, "INTERNAL_ERROR"],
  [Code.Unimplemented, "INTERNAL_ERROR"],
  [Code.Unknown, "INTERNAL_ERROR"],
  [Code.InvalidArgument, "BAD_REQUEST"],
  [Code.ResourceExhausted, "PAYLOAD_TOO_LARGE"],
  [Code.Unauthenticated, "UNAUTHORIZED"],
] as const)("a foreign Connect error %d is %s", (code, expected) => {
  expect(fromConnectError(new ConnectError("connect ECONNREFUSED 10.0.0.7", code)).code).toBe(expected);
});

test("a foreign failure does not show its text", () => {
  const error = fromConnectError(new ConnectError("connect ECONNREFUSED 10.0.0.7:9090", Code.Unavailable));
  expect(error.message).toBe("The service is temporarily unavailable");
});

test("a code that is none of ours is not believed", () => {
  const error = new ConnectError("No", Code.NotFound, { [errorCodeHeader]: "toString" });
  expect(fromConnectError(error).code).toBe("NOT_FOUND");
});

test("a deadline and a cancellation keep their Connect code and get one of ours", () => {
  for (const code of [Code.DeadlineExceeded, Code.Canceled]) {
    const sent = normalizeConnectError(new ConnectError("the operation timed out", code));
    expect([sent.code, sent.metadata.get(errorCodeHeader)]).toEqual([code, "SERVICE_UNAVAILABLE"]);
  }
});

test("what an abort signal threw is no mistake of ours", () => {
  expect(normalizeError(new DOMException("aborted", "AbortError")).code).toBe("SERVICE_UNAVAILABLE");
});

test("anything else is internal and keeps its cause for the log", () => {
  const cause = new RangeError("index 7");
  expect(normalizeError(cause)).toMatchObject({ code: "INTERNAL_ERROR", cause });
  expect(toConnectError(normalizeError(cause)).rawMessage).not.toContain("index 7");
});
