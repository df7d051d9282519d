import type { MessagePushed } from "./history.ts";

/** How strict to be where the contract leaves room. */
export interface CheckOptions {
  /** The server's content pipeline, applied to what was sent before it is compared with what is stored. */
  readonly sanitize: (content: string) => string;
  /** Pushes to a former member are excused for this long after the removal was answered. */
  readonly memberGraceMs: number;
  /** A request may stay without an answer this long on a living connection. */
  readonly answerTimeoutMs: number;
  /** Pushes that may arrive out of order: republished events, repeats after a dispatch time-out. */
  readonly pushOrderExcused: (push: MessagePushed) => boolean;
  /** A republished event has lost its origin, so its sender may see an echo. */
  readonly echoesAllowed: boolean;
  /** Violations kept per kind; the rest is only counted. */
  readonly keptPerKindMax: number;
}

export const defaultCheckOptions: CheckOptions = {
  sanitize: (content) => content,
  memberGraceMs: 1000,
  answerTimeoutMs: 10_000,
  pushOrderExcused: () => false,
  echoesAllowed: true,
  keptPerKindMax: 20,
};
