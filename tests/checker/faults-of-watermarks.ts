/** What happens to watermarks that must not. */
import { anyOf, changed, type Fault, stored } from "./fault-planting.ts";

export const watermarkFaults: readonly Fault[] = [
  {
    name: "a watermark is read lower than before",
    plant: (run, random) => {
      const reads = run.events.filter((event) => event.kind === "watermark_read");
      const later = reads.filter((read) =>
        reads.some(
          (other) =>
            other.userId === read.userId &&
            other.chatId === read.chatId &&
            other.atMs < read.startedAtMs &&
            other.lastAckedSequence > 0,
        ),
      );
      return later.length === 0 ? undefined : changed(run, random.pick(later), { lastAckedSequence: 0 });
    },
    caught: ["watermark_fell"],
  },
  {
    name: "the stored watermark is below one that was read",
    plant: (run, random) => {
      const read = anyOf(run, random, "watermark_read", ({ lastAckedSequence }) => lastAckedSequence > 0);
      if (read === undefined) return undefined;
      const watermarks = run.store.watermarks.filter(
        (row) => row.userId !== read.userId || row.chatId !== read.chatId,
      );
      return stored(run, { watermarks });
    },
    caught: ["watermark_fell"],
  },
  {
    name: "a watermark lies above its chat",
    plant: (run, random) => {
      const watermark = random.pick(run.store.watermarks);
      return stored(run, {
        watermarks: run.store.watermarks.map((row) =>
          row === watermark ? { ...row, lastAckedSequence: 100_000 } : row,
        ),
      });
    },
    caught: ["watermark_above_counter"],
  },
  {
    name: "a watermark that no device acknowledged",
    plant: (run, random) => {
      const { chatId } = random.pick(run.store.messages);
      const watermarks = [...run.store.watermarks, { userId: "user_nobody", chatId, lastAckedSequence: 1 }];
      return stored(run, { watermarks });
    },
    caught: ["watermark_invented"],
  },
];
