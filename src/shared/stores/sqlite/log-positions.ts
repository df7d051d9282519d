/** Positions of consumer groups. */
import type { PartitionPosition, Topic } from "../event-log.ts";
import { defineCommand } from "./command.ts";
import { startOf } from "./event-log-writes.ts";

/** The partition number of a floor: everything below it is handled in every partition of the topic. */
const floorPartition = -1;

export interface TopicPositions {
  readonly topic: Topic;
  /** Where retention starts. */
  readonly start: number;
  readonly floor: number;
  readonly committed: readonly PartitionPosition[];
}

export interface CommitPositionsInput {
  readonly groupId: string;
  readonly positions: readonly PartitionPosition[];
  readonly floors: readonly { readonly topic: Topic; readonly nextOffset: number }[];
}

export const commitPositions = defineCommand<CommitPositionsInput, null>({
  name: "event_log.commit_positions",
  kind: "write",
  run: (db, { groupId, positions, floors }) => {
    const put = db.query(
      `INSERT INTO log_positions VALUES (?, ?, ?, ?, ?) ON CONFLICT (group_id, topic, partition)
       DO UPDATE SET next_offset = excluded.next_offset, metadata = excluded.metadata`,
    );
    for (const { topic, partition, nextOffset, metadata } of positions) {
      put.run(groupId, topic, partition, nextOffset, metadata ?? null);
    }
    for (const { topic, nextOffset } of floors) put.run(groupId, topic, floorPartition, nextOffset, null);
    return null;
  },
});

export const readPositions = defineCommand<
  { groupId: string; topics: readonly Topic[] },
  readonly TopicPositions[]
>({
  name: "event_log.positions",
  kind: "read",
  run: (db, { groupId, topics }) =>
    topics.map((topic) => {
      const rows = db
        .query<{ partition: number; next_offset: number; metadata: string | null }, [string, string]>(
          `SELECT partition, next_offset, metadata FROM log_positions
           WHERE group_id = ? AND topic = ? ORDER BY partition`,
        )
        .all(groupId, topic);
      const floor = rows.find((row) => row.partition === floorPartition)?.next_offset ?? 1;
      const committed = rows
        .filter((row) => row.partition !== floorPartition)
        .map((row) => ({
          topic,
          partition: row.partition,
          nextOffset: row.next_offset,
          metadata: row.metadata ?? undefined,
        }));
      return { topic, start: startOf(db, topic), floor, committed };
    }),
});
