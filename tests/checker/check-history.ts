/** Runs every check over a history and says what was looked at and what was broken. */
import { checkAckedStored } from "./check-acked-stored.ts";
import { checkAgreement } from "./check-agreement.ts";
import { checkAnswered } from "./check-answered.ts";
import { checkClientAcks } from "./check-client-acks.ts";
import { checkClientComplete } from "./check-client-complete.ts";
import { checkCommitOrder } from "./check-commit-order.ts";
import { checkContent } from "./check-content.ts";
import { checkCorrelation } from "./check-correlation.ts";
import { checkCounters } from "./check-counters.ts";
import { checkDense } from "./check-dense.ts";
import { checkIdempotencyKeys } from "./check-idempotency-keys.ts";
import { checkMembership } from "./check-membership.ts";
import type { CheckOptions } from "./check-options.ts";
import { checkPages } from "./check-pages.ts";
import { checkPushOrder } from "./check-push-order.ts";
import { checkRejected } from "./check-rejected.ts";
import { checkStoredOnce } from "./check-stored-once.ts";
import { checkStrongReads } from "./check-strong-reads.ts";
import { checkTimelines } from "./check-timelines.ts";
import { checkWatermarks } from "./check-watermarks.ts";
import type { FinalStore } from "./final-store.ts";
import type { HistoryEvent } from "./history.ts";
import { arrangeHistory, type RecordedHistory } from "./recorded-history.ts";
import { countRun, type RunCounts } from "./run-counts.ts";
import type { Violation, ViolationKind } from "./violation.ts";

type Check = (recorded: RecordedHistory, options: CheckOptions) => Iterable<Violation>;

const checks: readonly Check[] = [
  checkAckedStored,
  checkStoredOnce,
  checkIdempotencyKeys,
  checkDense,
  checkCounters,
  checkAgreement,
  checkPages,
  checkStrongReads,
  checkClientComplete,
  checkCommitOrder,
  checkWatermarks,
  checkClientAcks,
  checkCorrelation,
  checkAnswered,
  checkPushOrder,
  checkTimelines,
  checkMembership,
  checkRejected,
  checkContent,
];

export interface CheckResult {
  readonly counts: RunCounts;
  /** At most `keptPerKindMax` of each kind. */
  readonly violations: readonly Violation[];
  /** All of them, by kind; only kinds that occurred. */
  readonly violationCounts: ReadonlyMap<ViolationKind, number>;
}

/** Pure: same history, same result. Linear in the history but for sorting. */
export function checkHistory(
  events: Iterable<HistoryEvent>,
  store: FinalStore,
  options: CheckOptions,
): CheckResult {
  const recorded = arrangeHistory(events, store);
  const kept: Violation[] = [];
  const violationCounts = new Map<ViolationKind, number>();
  for (const check of checks) {
    for (const found of check(recorded, options)) {
      const count = (violationCounts.get(found.kind) ?? 0) + 1;
      violationCounts.set(found.kind, count);
      if (count <= options.keptPerKindMax) kept.push(found);
    }
  }
  return { counts: countRun(recorded), violations: kept, violationCounts };
}
