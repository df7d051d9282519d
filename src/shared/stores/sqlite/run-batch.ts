/** Runs a batch of commands on an open database: reads that come first, then one transaction for the rest. */
import type { Database } from "bun:sqlite";
import { TriplaneError, toTriplaneError } from "../../domain/errors.ts";
import type { AnyCommand } from "./command.ts";

export interface CommandRequest {
  readonly command: AnyCommand;
  readonly input: unknown;
}

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: TriplaneError };

/** Receives the answers of the requests from index `from` on, in order. */
export type AnswerSink = (from: number, answers: readonly Answer[]) => void;

/**
 * Answers every request exactly once, in order, in one or two calls of `answer`: leading reads at once, all
 * others after the COMMIT. A failing command undoes itself alone; a failing COMMIT fails everything in the
 * transaction with SERVICE_UNAVAILABLE, its reads too, since they saw what was never stored.
 */
export function runBatch(db: Database, requests: readonly CommandRequest[], answer: AnswerSink): void {
  const firstWrite = requests.findIndex((request) => request.command.kind === "write");
  const leading = firstWrite < 0 ? requests : requests.slice(0, firstWrite);
  if (leading.length > 0)
    answer(
      0,
      leading.map((request) => attempt(db, request)),
    );
  if (firstWrite >= 0) answer(firstWrite, runTransaction(db, requests.slice(firstWrite)));
}

function runTransaction(db: Database, requests: readonly CommandRequest[]): readonly Answer[] {
  const answers: Answer[] = [];
  try {
    db.query("BEGIN IMMEDIATE").run();
    for (const request of requests) {
      answers.push(request.command.kind === "write" ? attemptWrite(db, request) : attempt(db, request));
    }
    db.query("COMMIT").run();
    return answers;
  } catch (thrown) {
    if (db.inTransaction) db.query("ROLLBACK").run();
    const error = thrown instanceof LostTransaction ? storeError(thrown.cause) : commitError(thrown);
    return requests.map(() => ({ ok: false, error }));
  }
}

/** SQLite rolled back the whole transaction by itself: what ran before is gone too. */
class LostTransaction extends Error {}

function attemptWrite(db: Database, request: CommandRequest): Answer {
  db.query("SAVEPOINT command").run();
  const answer = attempt(db, request);
  if (!answer.ok) {
    if (!db.inTransaction)
      throw new LostTransaction("the transaction was rolled back", { cause: answer.error });
    db.query("ROLLBACK TO command").run();
  }
  db.query("RELEASE command").run();
  return answer;
}

function attempt(db: Database, request: CommandRequest): Answer {
  try {
    return { ok: true, value: request.command.run(db, request.input as never) };
  } catch (thrown) {
    return { ok: false, error: storeError(thrown) };
  }
}

/** Faults of the file or the disk: the caller may try again; everything else thrown by SQLite is our mistake. */
const transientCodes =
  /^SQLITE_(FULL|IOERR|BUSY|LOCKED|READONLY|CANTOPEN|NOMEM|CORRUPT|NOTADB|INTERRUPT|PROTOCOL)/;

/** Folds what a command threw into the taxonomy. */
export function storeError(thrown: unknown): TriplaneError {
  if (sqliteCode(thrown)?.match(transientCodes)) return commitError(thrown);
  return toTriplaneError(thrown);
}

function commitError(thrown: unknown): TriplaneError {
  return new TriplaneError("SERVICE_UNAVAILABLE", "The store cannot write at the moment, try again later", {
    cause: thrown,
  });
}

function sqliteCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
