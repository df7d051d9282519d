/** The checker's verdict as text. */
import type { CheckResult } from "./check-history.ts";
import { promises } from "./violation.ts";

const evidenceCharactersMax = 400;

export function renderReport({ counts, violations, violationCounts }: CheckResult): string {
  const n = (value: number): string => value.toLocaleString("en");
  const total = [...violationCounts.values()].reduce((sum, count) => sum + count, 0);
  const lines = [
    `${n(counts.clients)} clients, ${n(counts.chats)} chats, ${n(counts.connections)} connections ` +
      `(${n(counts.reconnects)} reconnects), ${n(counts.kills)} kills`,
    `${n(counts.sends)} sends in ${n(counts.transmissions)} transmissions, ${n(counts.acks)} acks ` +
      `(${n(counts.duplicateAnswers)} duplicates answered), ${n(counts.unknownOutcomes)} unknown outcomes, ` +
      `${n(counts.refusals)} refusals`,
    `${n(counts.pushes)} pushes, ${n(counts.pages)} sync pages, ${n(counts.historyReads)} history reads, ` +
      `${n(counts.watermarkReads)} watermark reads, ${n(counts.timelineDeliveries)} timeline deliveries, ` +
      `${n(counts.stored)} messages stored`,
  ];
  if (!counts.settled) lines.push("no settled mark: completeness of the clients was not judged");
  lines.push(`${n(total)} violations`);
  for (const [kind, count] of violationCounts) {
    lines.push("", `${kind}: ${n(count)} times, against: ${promises[kind]}`);
    for (const found of violations.filter((candidate) => candidate.kind === kind)) {
      lines.push(`  ${found.detail}`);
      for (const piece of found.evidence) {
        lines.push(`    ${(JSON.stringify(piece) ?? "").slice(0, evidenceCharactersMax)}`);
      }
    }
  }
  return lines.join("\n");
}
