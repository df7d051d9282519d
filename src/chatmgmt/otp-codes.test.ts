/**
 * Goal: codes are uniform, and neither their record nor their ciphertext gives them away.
 * Method: many codes from seeded randomness; tampering with every part of a ciphertext.
 */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../tests/simulation/virtual-clock.ts";
import { addressHash } from "./address-hash.ts";
import { canonicalJson } from "./canonical-json.ts";
import { LocalSmsInbox } from "./local-sms-inbox.ts";
import { createAesOtpCipher } from "./otp-cipher.aes.ts";
import { OtpCodes } from "./otp-codes.ts";
import { phoneHash } from "./phone-hash.ts";
import { fixedOtpCode } from "./sms-sender.fixed.ts";
import { createLogSmsSender } from "./sms-sender.log.ts";
import { createWebhookSmsSender, type Fetch } from "./sms-sender.webhook.ts";

const random = new SeededRandom(7);
const cipher = createAesOtpCipher(random.bytes(32), random);
const binding = { phoneHash: phoneHash("+14155551234"), expiresAtMs: 1_769_853_900_000 };

function codesWith(pepper: Uint8Array, fixedCode?: string): OtpCodes {
  return new OtpCodes({ pepper, cipher, random, fixedCode });
}

describe("one-time codes", () => {
  test("six digits with leading zeros, every leading digit equally often", () => {
    const codes = codesWith(random.bytes(32));
    const counts = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 20_000; draw += 1) {
      const code = codes.generate();
      expect(code).toMatch(/^[0-9]{6}$/);
      counts[Number(code[0])] = (counts[Number(code[0])] ?? 0) + 1;
    }
    const chiSquared = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
    // 9 degrees of freedom: 27.9 is passed once in a thousand seeds, and this seed is fixed.
    expect(chiSquared).toBeLessThan(27.9);
  });

  test("a code matches its own record only: not another code, number, expiry or pepper", () => {
    const pepper = random.bytes(32);
    const codes = codesWith(pepper);
    const mac = codes.mac("123456", binding);
    expect(mac).toMatch(/^[0-9a-f]{64}$/);
    expect(codes.matches("123456", binding, mac)).toBe(true);
    expect(codes.matches("123457", binding, mac)).toBe(false);
    expect(codes.matches("123456", { ...binding, expiresAtMs: binding.expiresAtMs + 1 }, mac)).toBe(false);
    expect(codes.matches("123456", { ...binding, phoneHash: phoneHash("+14155551235") }, mac)).toBe(false);
    expect(codesWith(random.bytes(32)).matches("123456", binding, mac)).toBe(false);
    expect(codes.matches("123456", binding, "")).toBe(false);
  });

  test("a ciphertext can be read again, by its own record only, and not after a change of any byte", async () => {
    const codes = codesWith(random.bytes(32));
    const ciphertext = await codes.encrypt("123456", binding);
    expect(Buffer.from(ciphertext, "base64").toString("latin1")).not.toContain("123456");
    expect(await codes.decrypt(ciphertext, binding)).toBe("123456");
    expect(await codes.encrypt("123456", binding)).not.toBe(ciphertext);
    await expect(codes.decrypt(ciphertext, { ...binding, expiresAtMs: 0 })).rejects.toThrow();
    const bytes = Buffer.from(ciphertext, "base64");
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      await expect(codes.decrypt(changed.toString("base64"), binding)).rejects.toThrow();
    }
    await expect(codes.decrypt("AAAA", binding)).rejects.toThrow();
  });

  test("AUTH-13 there is no default: a pepper or a cipher key of another length is refused", () => {
    expect(() => codesWith(new Uint8Array(0))).toThrow("pepper has 0 bytes, 32 are needed");
    expect(() => createAesOtpCipher(new Uint8Array(16), random)).toThrow("cipher key has 16 bytes");
  });

  test("the fixed code replaces the generator", () => {
    expect(codesWith(random.bytes(32), fixedOtpCode).generate()).toBe("000000");
  });
});

describe("senders", () => {
  const sms = { phoneNumber: "+14155551234", otp: "123456", expiresAtMs: binding.expiresAtMs };
  const never = new AbortController().signal;

  test("log: one line with the last four digits, and the inbox, which forgets the oldest", async () => {
    const clock = new VirtualClock();
    const inbox = new LocalSmsInbox(clock);
    const lines: string[] = [];
    const sender = createLogSmsSender({ inbox, clock, writeLine: (line) => lines.push(line) });
    await sender.send(sms, never);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      event: "otp_sent",
      phone_last4: "1234",
      otp: "123456",
    });
    expect(lines[0]).not.toContain("+1415555");
    expect(inbox.list()).toMatchObject([{ phone_number: "+14155551234", otp: "123456" }]);
    for (let count = 0; count < 300; count += 1) await sender.send({ ...sms, otp: String(count) }, never);
    expect(inbox.list()).toHaveLength(200);
    expect(inbox.list()[0]?.otp).toBe("299");
  });

  test("webhook: posts the code, takes any 2xx, follows no redirect, fails on the rest", async () => {
    const requests: { url: string; init: RequestInit }[] = [];
    const answering =
      (status: number): Fetch =>
      async (url, init) => {
        requests.push({ url, init });
        return new Response("ok", { status });
      };
    await createWebhookSmsSender("https://sms.example/send", answering(202)).send(sms, never);
    expect(requests[0]?.url).toBe("https://sms.example/send");
    expect(requests[0]?.init).toMatchObject({ method: "POST", redirect: "error", signal: never });
    expect(JSON.parse(String(requests[0]?.init.body))).toEqual({
      phone_number: "+14155551234",
      otp: "123456",
      expires_at: "2026-01-31T10:05:00.000Z",
    });
    const failing = createWebhookSmsSender("https://sms.example/send", answering(500));
    await expect(failing.send(sms, never)).rejects.toThrow("SMS webhook answered 500");
  });
});

test("canonical JSON does not depend on the order of fields", () => {
  const one = { b: [1, { y: null, x: "ü" }], a: true, c: undefined };
  const two = { a: true, b: [1, { x: "ü", y: null }] };
  expect(canonicalJson(one)).toBe('{"a":true,"b":[1,{"x":"ü","y":null}]}');
  expect(canonicalJson(two)).toBe(canonicalJson(one));
});

test("addresses: each IPv4 counts alone, an IPv6 /64 together", () => {
  expect(addressHash("192.0.2.1")).not.toBe(addressHash("192.0.2.2"));
  expect(addressHash("2001:db8::1")).toBe(addressHash("2001:db8::ffff"));
  expect(addressHash("2001:db8::1")).not.toBe(addressHash("2001:db8:0:1::1"));
});
