/** Goal: the limits that every request meets hold to the number and end with their minute. Method: the real guard and limiter, a virtual clock. */
import { expect, test } from "bun:test";
import { FakeAccessTokens } from "../../../tests/simulation/access-tokens.fake.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import type { SessionId, UserId } from "../domain/ids.ts";
import { ChatMgmtService } from "../gen/messaging/v1/chatmgmt_pb.js";
import { createMemoryRateLimiter } from "../stores/rate-limiter.memory.ts";
import { createGuard, restLimitsDefault } from "./guard.ts";

const ip = "192.0.2.7";
const { getMe, updateMe, getDeliveryStatus, refreshToken, getApiInfo } = ChatMgmtService.method;

async function open() {
  const clock = new VirtualClock();
  const tokens = new FakeAccessTokens(clock);
  const guard = createGuard({
    verifyAccessToken: (token, options) => tokens.verify(token, options),
    revocation: { areRevoked: async (jtis) => jtis.map(() => false) },
    limiter: createMemoryRateLimiter(clock, { keysMax: 1000 }),
    limits: restLimitsDefault,
    clock,
    rateLimitsEnabled: true,
    warn: () => undefined,
  });
  const iat = Math.floor(clock.nowMs() / 1000);
  const headersOf = async (user: string) => {
    const claims = { sub: `user_${user}` as UserId, sid: `sess_${user}` as SessionId, jti: user };
    const token = await tokens.sign({ ...claims, iat, exp: iat + 3600 });
    return new Headers({ authorization: `Bearer ${token}` });
  };
  return { clock, guard, headersOf };
}

test.each([
  ["L11 token refreshes per user", refreshToken, 30],
  ["L12 reads per user", getMe, 300],
  ["L12 writes per user", updateMe, 60],
  ["L12 delivery-status reads per user", getDeliveryStatus, 600],
] as const)(
  "%s: the limit passes in a minute, one more is refused; others are free",
  async (_, method, limit) => {
    const { clock, guard, headersOf } = await open();
    const [ann, bob] = [await headersOf("A"), await headersOf("B")];
    for (let count = 0; count < limit; count += 1) {
      expect((await guard.admit(method, ann, ip)).admitted).toBe(true);
    }
    const refused = await guard.admit(method, ann, ip);
    expect(refused.admitted === false && refused.error).toMatchObject({
      code: "RATE_LIMITED",
      details: { limit, window_seconds: 60, retry_after_seconds: 60 },
    });
    expect((await guard.admit(method, bob, ip)).admitted).toBe(true);
    await clock.advance(60_000);
    expect((await guard.admit(method, ann, ip)).admitted).toBe(true);
  },
);

test("L27 public endpoints per address: 300 a minute, tokens or not", async () => {
  const { clock, guard, headersOf } = await open();
  const ann = await headersOf("A");
  for (let count = 0; count < 300; count += 1) {
    expect((await guard.admit(getApiInfo, count % 2 === 0 ? ann : new Headers(), ip)).admitted).toBe(true);
  }
  const refused = await guard.admit(getApiInfo, ann, ip);
  expect(refused.admitted === false && refused.error.code).toBe("RATE_LIMITED");
  expect((await guard.admit(getApiInfo, new Headers(), "198.51.100.1")).admitted).toBe(true);
  await clock.advance(60_000);
  expect((await guard.admit(getApiInfo, new Headers(), ip)).admitted).toBe(true);
});
