/** Goal: AWS accepts what we sign. Method: the vectors that AWS publishes with Signature Version 4. */
import { expect, test } from "bun:test";
import { signAwsPost, signingKey } from "./aws-signature.ts";

const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: undefined,
};
const post = {
  host: "example.amazonaws.com",
  region: "us-east-1",
  service: "service",
  headers: {},
  body: "",
  nowMs: Date.UTC(2015, 7, 30, 12, 36, 0),
};

test("post-vanilla of the test suite", () => {
  expect(signAwsPost(post, credentials)).toEqual({
    "x-amz-date": "20150830T123600Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
      "SignedHeaders=host;x-amz-date, " +
      "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  });
});

test("post-x-www-form-urlencoded of the test suite", () => {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const { authorization } = signAwsPost({ ...post, headers, body: "Param1=value1" }, credentials);
  expect(authorization).toContain("SignedHeaders=content-type;host;x-amz-date");
  expect(authorization).toEndWith("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
});

test("the signing key of the documentation's example", () => {
  const key = signingKey(credentials.secretAccessKey, ["20150830", "us-east-1", "iam", "aws4_request"]);
  expect(key.toString("hex")).toBe("c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
});

test("a session token is sent and signed; any change of the request changes the signature", () => {
  const temporary = { ...credentials, sessionToken: "token" };
  const signed = signAwsPost(post, temporary);
  expect(signed["x-amz-security-token"]).toBe("token");
  expect(signed["authorization"]).toContain("SignedHeaders=host;x-amz-date;x-amz-security-token");
  const variants = [
    post,
    { ...post, body: "x" },
    { ...post, host: "other.amazonaws.com" },
    { ...post, region: "eu-west-1" },
    { ...post, nowMs: post.nowMs + 1000 },
  ].map((variant) => signAwsPost(variant, temporary)["authorization"]);
  expect(new Set(variants).size).toBe(5);
});
