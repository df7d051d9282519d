/** AWS Signature Version 4 for one kind of request: a POST to the root of a service's host, signed by headers. */
import { createHash, createHmac } from "node:crypto";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken: string | undefined;
}

export interface AwsPost {
  readonly host: string;
  readonly region: string;
  /** As in the credential scope: "sns". */
  readonly service: string;
  /** Lower-case names. `host` and `x-amz-*` are added here. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly nowMs: number;
}

const algorithm = "AWS4-HMAC-SHA256";

/** @returns all headers to be sent but `host`, which the HTTP client sends by itself */
export function signAwsPost(post: AwsPost, credentials: AwsCredentials): Readonly<Record<string, string>> {
  const { sessionToken } = credentials;
  const sent: Readonly<Record<string, string>> = {
    ...post.headers,
    "x-amz-date": amzDate(post.nowMs),
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
  };
  return { ...sent, authorization: authorizationOf(post, { ...sent, host: post.host }, credentials) };
}

function authorizationOf(
  post: AwsPost,
  headers: Readonly<Record<string, string>>,
  credentials: AwsCredentials,
): string {
  const timestamp = amzDate(post.nowMs);
  const scope = [timestamp.slice(0, 8), post.region, post.service, "aws4_request"];
  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(";");
  const canonicalHeaders = names.map((name) => `${name}:${canonicalValue(headers[name] ?? "")}\n`).join("");
  const canonicalRequest = ["POST", "/", "", canonicalHeaders, signedHeaders, sha256Hex(post.body)].join(
    "\n",
  );
  const stringToSign = [algorithm, timestamp, scope.join("/"), sha256Hex(canonicalRequest)].join("\n");
  const signature = hmac(signingKey(credentials.secretAccessKey, scope), stringToSign).toString("hex");
  const credential = `${credentials.accessKeyId}/${scope.join("/")}`;
  return `${algorithm} Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}

/** The secret, narrowed down to a day, a region and a service. */
export function signingKey(secretAccessKey: string, scope: readonly string[]): Buffer {
  return scope.reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secretAccessKey}`, "utf8"));
}

/** "20150830T123600Z" */
function amzDate(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

function canonicalValue(value: string): string {
  return value.trim().replace(/ +/g, " ");
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}
