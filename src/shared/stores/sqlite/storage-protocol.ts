/** What the storage thread and its owner say to each other; everything is structured-cloneable. */
import { type ErrorCode, TriplaneError } from "../../domain/errors.ts";
import type { Answer } from "./run-batch.ts";

export type ToStorage =
  | {
      readonly type: "open";
      readonly path: string;
      readonly busyTimeoutMs: number;
      readonly cacheKib: number;
    }
  /** `names[i]` runs with `inputs[i]`. */
  | { readonly type: "batch"; readonly names: readonly string[]; readonly inputs: readonly unknown[] }
  | { readonly type: "close" };

export type FromStorage =
  | { readonly type: "opened" }
  | { readonly type: "open_failed"; readonly message: string }
  | { readonly type: "answers"; readonly from: number; readonly answers: readonly WireAnswer[] }
  | { readonly type: "closed" };

export type WireAnswer = readonly [value: unknown] | WireError;

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly cause: string | undefined;
}

export function toWire(answer: Answer): WireAnswer {
  if (answer.ok) return [answer.value];
  const { code, message, details, cause } = answer.error;
  return { code, message, details, cause: cause === undefined ? undefined : describe(cause) };
}

export function fromWire(answer: WireAnswer): Answer {
  if ("code" in answer) {
    const cause = answer.cause === undefined ? undefined : new Error(answer.cause);
    const options = answer.details === undefined ? { cause } : { details: answer.details, cause };
    return { ok: false, error: new TriplaneError(answer.code, answer.message, options) };
  }
  return { ok: true, value: answer[0] };
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = "code" in cause && typeof cause.code === "string" ? `${cause.code}: ` : "";
  return `${code}${cause.stack ?? cause.message}`;
}
