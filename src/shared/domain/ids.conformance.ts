/** What every maker of ids has to do: strict ULIDs with their prefix, of this moment, none twice. */
import { describe, expect, test } from "bun:test";
import { decodeTime } from "ulid";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";

const strictUlid = "[0-7][0-9A-HJKMNP-TV-Z]{25}";
const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function idsConformance(
  name: string,
  open: () => { readonly ids: Ids; readonly clock: Pick<Clock, "nowMs"> },
): void {
  describe(`${name} as Ids`, () => {
    test.each([
      ["chatId", "chat_"],
      ["userId", "user_"],
      ["messageId", "msg_"],
      ["sessionId", "sess_"],
      ["connectionId", "conn_"],
      ["eventId", "evt_"],
      ["ulid", ""],
    ] as const)("%s is %s and a strict ULID of this moment", (kind, prefix) => {
      const { ids, clock } = open();
      const beforeMs = clock.nowMs();
      const id = ids[kind]();
      expect(id).toMatch(new RegExp(`^${prefix}${strictUlid}$`));
      const timeMs = decodeTime(id.slice(prefix.length));
      expect(timeMs).toBeGreaterThanOrEqual(beforeMs);
      expect(timeMs).toBeLessThanOrEqual(clock.nowMs());
    });

    test("uuid is a version 4 UUID", () => {
      const { ids } = open();
      for (let draw = 0; draw < 100; draw += 1) expect(ids.uuid()).toMatch(uuidV4);
    });

    test("of twenty thousand ids none comes twice", () => {
      const { ids } = open();
      const seen = new Set<string>();
      for (let draw = 0; draw < 10_000; draw += 1) seen.add(ids.messageId()).add(ids.uuid());
      expect(seen.size).toBe(20_000);
    });
  });
}
