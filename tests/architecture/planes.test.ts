/**
 * Goal: each datum has one writer and calls go one way: the gateway knows no store of messages, fan-out writes nothing
 * but dead letters and offsets, only ingest writes messages.
 * Method: the sources of each plane against the operations of the ports that write.
 */
import { describe, expect, test } from "bun:test";
import { sourceFiles } from "./source-files.ts";

const shipped = (directory: string) => sourceFiles(directory).filter((file) => !file.isTest);

/** `receiver.operation(` in code that ships. */
function callers(directory: string, receiver: string, operations: readonly string[]): readonly string[] {
  const form = new RegExp(`\\b${receiver}\\s*\\.\\s*(${operations.join("|")})\\(`);
  return shipped(directory)
    .filter(({ code }) => form.test(code))
    .map(({ path }) => path);
}

function importers(directory: string, target: RegExp): readonly string[] {
  return shipped(directory)
    .filter(({ imports }) => imports.some((one) => one.target !== undefined && target.test(one.target)))
    .map(({ path }) => path);
}

describe("planes", () => {
  test("I-14 planes_flow_one_way: no plane knows the ports of the plane that calls it", () => {
    expect(
      importers(
        "src/gateway",
        /\/stores\/(message-store|event-log|chat-store|delivery-state-store|user-store)/,
      ),
    ).toEqual([]);
    expect(
      importers("src/ingest", /\/stores\/(routing-table|presence)|gen\/messaging\/v1\/gateway_pb/),
    ).toEqual([]);
    expect(
      importers("src/fanout", /\/stores\/(message-store|delivery-state-store)|gen\/messaging\/v1\/ingest_pb/),
    ).toEqual([]);
  });

  test("I-06 plane_state_hierarchy: messages are committed by ingest alone, watermarks by ingest and chat management", () => {
    const everywhere = [...shipped("src")].filter(({ path }) =>
      /^src\/(gateway|ingest|fanout|chatmgmt|cli)\//.test(path),
    );
    const commits = everywhere
      .filter(({ code }) => /\bmessages\.commit\(/.test(code))
      .map(({ path }) => path);
    expect(commits).toEqual(["src/ingest/commit-loop.ts"]);
    const advances = everywhere
      .filter(({ code }) => /\bdeliveryStates\.advance\(/.test(code))
      .map(({ path }) => path);
    expect(advances.every((path) => /^src\/(ingest|chatmgmt)\//.test(path))).toBe(true);
    expect(advances).not.toEqual([]);
    const chatWrites = [
      "createDirect",
      "createGroup",
      "addMember",
      "removeMember",
      "changeRole",
      "setMutedUntil",
      "rename",
    ];
    for (const plane of ["src/gateway", "src/ingest", "src/fanout"])
      expect(callers(plane, "chats", chatWrites)).toEqual([]);
  });

  test("I-20 S-16 downstream_never_writes_upstream: fan-out holds nothing that writes the truth, a gateway nothing that produces", () => {
    const fanoutDeps = shipped("src/fanout").find(({ path }) => path.endsWith("/fanout-deps.ts"));
    expect(fanoutDeps?.code).toContain('readonly chats: Pick<ChatStore, "listMembers">');
    const appends = shipped("src/fanout").filter(({ code }) => /\blog\.append\(/.test(code));
    expect(appends.map(({ path }) => path)).toEqual(["src/fanout/consume.ts"]);
    expect(appends[0]?.code.match(/\.append\(\[?(\w+)/)?.[1]).toBe("letter");
    const letters = shipped("src/fanout").find(({ path }) => path.endsWith("/dead-letters.ts"));
    expect(letters?.code.match(/topic: "[a-z_.]+"/g)).toEqual(['topic: "dead_letters"']);
    expect(shipped("src/gateway").filter(({ code }) => /\.append\(/.test(code))).toEqual([]);
  });

  test("I-37 access_pattern_efficiency: no port offers a scan to those who answer requests", () => {
    const ports = shipped("src/shared/stores").filter(({ path }) =>
      /^src\/shared\/stores\/[a-z-]+\.ts$/.test(path),
    );
    expect(ports.length).toBeGreaterThan(8);
    expect(ports.filter(({ code }) => /^\s+scan\w*\(/m.test(code))).toEqual([]);
  });
});
