/**
 * Goal: every security event is one complete line, and a flood becomes 100 lines, a marker and a summary.
 * Method: events through both adapters on a virtual clock.
 */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { createIds } from "../domain/ids.ts";
import { AuditFloodGuard } from "./audit.flood-guard.ts";
import { LogAudit } from "./audit.log.ts";
import type { AuditEvent } from "./audit.ts";

const failure: AuditEvent = {
  type: "auth.otp_failed",
  outcome: "failure",
  reason: "wrong_code",
  actor: { type: "anonymous", userId: "user_1", ipAddress: "192.0.2.1", userAgent: null, deviceId: null },
  target: { type: "phone", resourceId: "ab12" },
  sessionId: null,
  requestId: "r-1",
  traceId: null,
  details: { remaining_attempts: 2 },
};

test("security_event_logged: one record with every field, unknown ones null", () => {
  const clock = new VirtualClock();
  const lines: object[] = [];
  const source = { service: "chatmgmt", instance: "a", version: "1" };
  const ids = createIds(clock, new SeededRandom(1));
  new LogAudit({ source, clock, ids, write: (line) => lines.push(line) }).record(failure);
  expect(lines).toEqual([
    {
      timestamp: "2026-01-31T10:00:00.000Z",
      level: "SECURITY",
      event_type: "auth.otp_failed",
      event_id: expect.stringMatching(/^evt_[0-9A-HJKMNP-TV-Z]{26}$/),
      trace_id: null,
      source,
      actor: {
        type: "anonymous",
        user_id: "user_1",
        ip_address: "192.0.2.1",
        user_agent: null,
        device_id: null,
      },
      target: { type: "phone", resource_id: "ab12", phone_number_hash: "ab12" },
      action: { outcome: "failure", reason: "wrong_code", details: { remaining_attempts: 2 } },
      context: { session_id: null, request_id: "r-1", geo: null },
    },
  ]);
});

describe("log_rate_limiting", () => {
  function guarded() {
    const clock = new VirtualClock();
    const events: AuditEvent[] = [];
    const guard = new AuditFloodGuard({ record: (event) => events.push(event) }, clock);
    return { clock, events, guard };
  }

  test("L26 250 failures of a user in a minute: 100 lines, a marker, one summary of 150", async () => {
    const { clock, events, guard } = guarded();
    for (let count = 0; count < 250; count += 1) guard.record(failure);
    expect(events).toHaveLength(101);
    expect(events[100]).toMatchObject({ type: "security.rate_limited", reason: "more_follow" });
    await clock.advance(60_000);
    expect(events).toHaveLength(102);
    expect(events[101]).toMatchObject({
      type: "security.rate_limited",
      reason: "summary",
      details: { event_type: "auth.otp_failed", count: 150 },
    });
    guard.record(failure);
    expect(events).toHaveLength(103);
    await clock.advance(60_000);
    expect(events).toHaveLength(103);
    expect(clock.pendingTimers).toBe(0);
  });

  test("L26 1000 a minute from one address over all users; other types and addresses are apart", () => {
    const { events, guard } = guarded();
    for (let user = 0; user < 1200; user += 1) {
      guard.record({ ...failure, actor: { ...failure.actor, userId: `user_${user}` } });
    }
    expect(events.filter((event) => event.type === "auth.otp_failed")).toHaveLength(1000);
    guard.record({ ...failure, type: "auth.logout" });
    guard.record({ ...failure, actor: { ...failure.actor, ipAddress: "192.0.2.2" } });
    expect(events.slice(-2).map((event) => event.type)).toEqual(["auth.logout", "auth.otp_failed"]);
  });
});
