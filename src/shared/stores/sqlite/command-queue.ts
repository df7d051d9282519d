/** Collects commands into batches: one batch runs at a time, what comes meanwhile waits for the next. */
import { TriplaneError } from "../../domain/errors.ts";
import type { Command } from "./command.ts";
import type { Answer, AnswerSink, CommandRequest } from "./run-batch.ts";

export interface CommandQueueOptions {
  /** More waiting commands are refused with SERVICE_UNAVAILABLE. */
  readonly waitingMax: number;
  /** Commands per batch; bounds how long one transaction takes. */
  readonly batchCommandsMax: number;
  /** Calls back at the end of the current turn; what is issued until then shares the batch. */
  readonly schedule: (callback: () => void) => void;
  /** Runs a batch; every request is answered exactly once, through one or several calls of `answer`. */
  readonly execute: (requests: readonly CommandRequest[], answer: AnswerSink) => void;
}

interface Waiting extends CommandRequest {
  readonly resolve: (value: never) => void;
  readonly reject: (error: TriplaneError) => void;
}

export class CommandQueue {
  readonly #options: CommandQueueOptions;
  #waiting: Waiting[] = [];
  #running: readonly Waiting[] = [];
  #unanswered = 0;
  #scheduled = false;
  #failure: TriplaneError | undefined;
  #idle: (() => void)[] = [];

  constructor(options: CommandQueueOptions) {
    this.#options = options;
  }

  run<Input, Output>(command: Command<Input, Output>, input: Input): Promise<Output> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { waitingMax } = this.#options;
    if (this.#waiting.length >= waitingMax) {
      const message = `${this.#waiting.length} store commands wait, limit ${waitingMax}`;
      return Promise.reject(new TriplaneError("SERVICE_UNAVAILABLE", message));
    }
    return new Promise<Output>((resolve, reject) => {
      this.#waiting.push({ command, input, resolve, reject });
      this.#scheduleFlush();
    });
  }

  /** Refuses new commands with `error`; those already issued still run. Resolves when the last one is answered. */
  drain(error: TriplaneError): Promise<void> {
    this.#failure ??= error;
    if (this.#unanswered === 0 && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Rejects everything unanswered and all that comes later. */
  fail(error: TriplaneError): void {
    this.#failure = error;
    const lost = [...this.#running, ...this.#waiting];
    this.#running = [];
    this.#waiting = [];
    this.#unanswered = 0;
    for (const waiting of lost) waiting.reject(error);
    this.#settleIdle();
  }

  #scheduleFlush(): void {
    if (this.#scheduled || this.#unanswered > 0 || this.#waiting.length === 0) return;
    this.#scheduled = true;
    this.#options.schedule(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, this.#options.batchCommandsMax);
    this.#running = batch;
    this.#unanswered = batch.length;
    this.#options.execute(batch, (from, answers) => this.#settle(from, answers));
  }

  #settle(from: number, answers: readonly Answer[]): void {
    const batch = this.#running;
    this.#unanswered -= answers.length;
    if (this.#unanswered === 0) this.#running = [];
    for (const [index, answer] of answers.entries()) {
      const waiting = batch[from + index];
      if (answer.ok) waiting?.resolve(answer.value as never);
      else waiting?.reject(answer.error);
    }
    if (this.#unanswered > 0) return;
    if (this.#waiting.length > 0 || this.#scheduled) this.#scheduleFlush();
    else this.#settleIdle();
  }

  #settleIdle(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}
