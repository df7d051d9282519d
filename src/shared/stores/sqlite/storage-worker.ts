/** The storage thread: owns the database, runs batches, answers in batches. */
import type { Database } from "bun:sqlite";
import { commands } from "./commands.ts";
import { openDatabase } from "./open-database.ts";
import { type CommandRequest, runBatch } from "./run-batch.ts";
import { type FromStorage, type ToStorage, toWire } from "./storage-protocol.ts";

declare const self: {
  onmessage: (event: MessageEvent<ToStorage>) => void;
  postMessage(message: FromStorage): void;
};

let db: Database | undefined;

self.onmessage = ({ data }) => {
  if (data.type === "open") {
    try {
      db = openDatabase(data.path, data);
      self.postMessage({ type: "opened" });
    } catch (thrown) {
      self.postMessage({
        type: "open_failed",
        message: thrown instanceof Error ? thrown.message : String(thrown),
      });
    }
  } else if (data.type === "batch") {
    if (db === undefined) throw new Error("a batch came before the database was open");
    runBatch(
      db,
      data.names.map((name, index) => request(name, data.inputs[index])),
      (from, answers) => {
        self.postMessage({ type: "answers", from, answers: answers.map(toWire) });
      },
    );
  } else {
    db?.close();
    db = undefined;
    self.postMessage({ type: "closed" });
  }
};

function request(name: string, input: unknown): CommandRequest {
  const command = commands.get(name);
  if (command === undefined) throw new Error(`there is no store command ${name}`);
  return { command, input };
}
