/**
 * Who was a member when, as far as one can tell from outside. A change takes effect somewhere between its
 * request and its answer, so there are two views: an outer one (could have been a member) for accusing
 * outsiders, and an inner one (was surely a member) for accusing refusals.
 */
import type { FinalMembership } from "./final-store.ts";
import type { HistoryEvent, MembershipChanged } from "./history.ts";

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export class MembershipTimeline {
  readonly #outer = new Map<string, readonly Span[]>();
  readonly #inner = new Map<string, readonly Span[]>();

  /** Pairs without a recorded change are members for the whole run, or never, as the store says at the end. */
  constructor(events: readonly HistoryEvent[], atTheEnd: readonly FinalMembership[]) {
    for (const { chatId, userId } of atTheEnd) {
      const always = [{ fromMs: -Infinity, toMs: Infinity }];
      this.#outer.set(pairKey(chatId, userId), always);
      this.#inner.set(pairKey(chatId, userId), always);
    }
    const changes = events.filter((event) => event.kind === "membership_changed");
    for (const [pair, ofPair] of Map.groupBy(changes, (change) => pairKey(change.chatId, change.userId))) {
      this.#outer.set(pair, spansOf(ofPair, "startedAtMs", "atMs"));
      this.#inner.set(pair, spansOf(ofPair, "atMs", "startedAtMs"));
    }
  }

  /** True when the user may have been a member at some moment of [fromMs, toMs]. */
  couldBeMember(chatId: string, userId: string, fromMs: number, toMs: number): boolean {
    const spans = this.#outer.get(pairKey(chatId, userId)) ?? [];
    return spans.some((span) => span.fromMs <= toMs && fromMs <= span.toMs);
  }

  /** True when the user was a member during all of [fromMs, toMs]. */
  surelyMember(chatId: string, userId: string, fromMs: number, toMs: number): boolean {
    const spans = this.#inner.get(pairKey(chatId, userId)) ?? [];
    return spans.some((span) => span.fromMs < fromMs && toMs < span.toMs);
  }
}

type Edge = "startedAtMs" | "atMs";

/** A first change that is a leave says that the user was a member before. */
function spansOf(changes: readonly MembershipChanged[], joinEdge: Edge, leaveEdge: Edge): readonly Span[] {
  const spans: Span[] = [];
  let fromMs = changes[0]?.change === "left" ? -Infinity : undefined;
  for (const change of changes) {
    if (change.change === "joined") {
      fromMs ??= change[joinEdge];
    } else if (fromMs !== undefined) {
      spans.push({ fromMs, toMs: change[leaveEdge] });
      fromMs = undefined;
    }
  }
  if (fromMs !== undefined) spans.push({ fromMs, toMs: Infinity });
  return spans;
}

function pairKey(chatId: string, userId: string): string {
  return `${chatId} ${userId}`;
}
