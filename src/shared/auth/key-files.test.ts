/**
 * Goal: keys are made once, private to their owner, and a damaged one stops the start with one clear line.
 * Method: real files in a temporary directory, damaged in every way that is not a key any more.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import type { SessionId, UserId } from "../domain/ids.ts";
import { JoseAccessTokens } from "./access-tokens.jose.ts";
import {
  generateKeySet,
  keyDirectory,
  openKeyFiles,
  readSigningKeys,
  rotateSigningKeys,
  signingKeysFile,
} from "./key-files.ts";
import { KeyRing } from "./key-ring.ts";
import { formatKeySet, parseKeySet } from "./key-set.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "key-files-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function open(seed = 1) {
  return openKeyFiles(directory, new SeededRandom(seed));
}

function pathOf(name: string): string {
  return join(directory, keyDirectory, name);
}

describe("key files", () => {
  test("the first start makes them with mode 0600, the next reads the same", async () => {
    const first = await open(1);
    const second = await open(2);
    expect(second).toEqual(first);
    expect(first.signingKeys.keys).toHaveLength(1);
    expect(Buffer.from(first.signingKeys.keys[0]?.jwk.n ?? "", "base64url")).toHaveLength(256);
    const secrets = [first.otpPepper, first.otpCipherKey, first.integrityKey];
    expect(secrets.map((secret) => secret.length)).toEqual([32, 32, 32]);
    expect(new Set(secrets.map((secret) => secret.toHex())).size).toBe(3);
    const names = (await readdir(join(directory, keyDirectory))).toSorted();
    expect(names).toEqual(["integrity-key", "otp-cipher-key", "otp-pepper", signingKeysFile]);
    for (const name of names) expect((await stat(pathOf(name))).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, keyDirectory))).mode & 0o777).toBe(0o700);
    expect(await readSigningKeys(directory)).toEqual(first.signingKeys);
  });

  test("two first starts at once agree on one set of keys", async () => {
    const [one, two] = await Promise.all([open(1), open(2)]);
    const later = await open(3);
    expect([one, two]).toEqual([later, later]);
  });

  test.each([
    ["otp-pepper", ""],
    ["otp-cipher-key", "abc"],
    ["integrity-key", "z".repeat(64)],
    [signingKeysFile, ""],
    [signingKeysFile, "{}"],
    [signingKeysFile, '{"current":"a","keys":[]}'],
    [signingKeysFile, '{"current":"a","keys":[null]}'],
    [signingKeysFile, '{"current":"a","keys":[{"kid":"a","kty":"oct","k":"AAAA"}]}'],
  ])(
    "AUTH-13 a damaged %s (%p) stops the start, names the file and is left as it is",
    async (name, content) => {
      await open();
      await writeFile(pathOf(name), content);
      const message = await open().then(
        () => "it was accepted",
        (error: Error) => error.message,
      );
      expect(message).toContain(pathOf(name));
      expect(message).not.toContain("\n");
      expect(await readFile(pathOf(name), "utf8")).toBe(content);
    },
  );
});

describe("key sets", () => {
  test.each<[string, (document: { current: string; keys: Record<string, unknown>[] }) => unknown, string]>([
    [
      "a current key that is not there",
      (document) => ({ ...document, current: "x" }),
      "no key has the current",
    ],
    ["a key twice", ({ current, keys }) => ({ current, keys: [...keys, ...keys] }), "share a key id"],
    [
      "a short modulus",
      ({ current, keys }) => ({ current, keys: keys.map((key) => ({ ...key, n: "AQAB" })) }),
      "has 24 bits, at least 2048",
    ],
    [
      "another algorithm",
      ({ current, keys }) => ({ current, keys: keys.map((key) => ({ ...key, alg: "RS512" })) }),
      "is for RS512",
    ],
    [
      "too many keys",
      ({ current, keys }) => ({ current, keys: Array(17).fill(keys[0]) }),
      "17 keys, limit 16",
    ],
  ])("%s is refused", async (_name, change, message) => {
    const text = formatKeySet(await generateKeySet());
    expect(parseKeySet(text, "a test").keys).toHaveLength(1);
    expect(() => parseKeySet(JSON.stringify(change(JSON.parse(text))), "a test")).toThrow(message);
  });

  test("no error shows key material", async () => {
    const document = JSON.parse(formatKeySet(await generateKeySet()));
    const secret = document.keys[0].d as string;
    document.keys[0].alg = "RS512";
    expect(() => parseKeySet(JSON.stringify(document), "JWT_KEYS")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secret) }),
    );
  });
});

describe("rotation", () => {
  test("AUTH-14 a rotated file: tokens of the old key stay valid, new ones carry the new key", async () => {
    await open();
    const clock = new VirtualClock();
    const ringOf = () =>
      KeyRing.open({ source: () => readSigningKeys(directory), clock, onReloadFailed: () => undefined });
    const tokensOf = async (keys: KeyRing) => new JoseAccessTokens({ keys, clock, cachedTokensMax: 10 });
    const iat = Math.floor(clock.nowMs() / 1000);
    const claims = { sub: "user_A" as UserId, sid: "sess_A" as SessionId, jti: "j", iat, exp: iat + 3600 };
    const running = await tokensOf(await ringOf());
    const old = await running.sign(claims);
    const keyId = await rotateSigningKeys(directory, new SeededRandom(1));
    const restarted = await tokensOf(await ringOf());
    const fresh = await restarted.sign({ ...claims, jti: "k" });
    expect(JSON.parse(Buffer.from(fresh.split(".")[0] ?? "", "base64url").toString())).toMatchObject({
      kid: keyId,
    });
    for (const tokens of [restarted, running]) {
      for (const token of [old, fresh]) {
        expect((await tokens.verify(token, { allowExpired: false })).userId).toBe(claims.sub);
      }
    }
  });

  test("older keys cannot sign any more, eight are kept, the file stays private and alone", async () => {
    await open();
    const ids: string[] = [];
    for (let turn = 0; turn < 9; turn += 1)
      ids.unshift(await rotateSigningKeys(directory, new SeededRandom(turn)));
    const set = await readSigningKeys(directory);
    expect(set.currentKeyId).toBe(ids[0] ?? "");
    expect(set.keys.map((key) => key.keyId)).toEqual(ids.slice(0, 8));
    expect(set.keys.map((key) => key.canSign)).toEqual([true, ...Array.from({ length: 7 }, () => false)]);
    expect((await stat(pathOf(signingKeysFile))).mode & 0o777).toBe(0o600);
    const names = await readdir(join(directory, keyDirectory));
    expect(names.filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("a missing or damaged file is named and left as it is", async () => {
    await open();
    await writeFile(pathOf(signingKeysFile), "no keys");
    const failed = await rotateSigningKeys(directory, new SeededRandom(1)).catch(
      (error: Error) => error.message,
    );
    expect(failed).toContain(signingKeysFile);
    expect(await readFile(pathOf(signingKeysFile), "utf8")).toBe("no keys");
  });
});
