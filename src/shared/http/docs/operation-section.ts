/** One operation of the API on the documentation page, from its route. */
import { Access, Envelope } from "../../gen/messaging/v1/rest_pb.js";
import { type FieldPlan, messagePlan } from "../../rpc/field-rules.ts";
import { httpErrors } from "../error-edge.ts";
import { errorCodesOf, errorMeanings } from "../openapi/error-responses.ts";
import { exampleFields, exampleMessage } from "../openapi/examples.ts";
import { rateLine } from "../openapi/rate-line.ts";
import type { RestRoute } from "../rest-routes.ts";
import { type Html, html } from "./html.ts";

export function operationSection(route: RestRoute): Html {
  const { rule, method } = route;
  return html`<section id="${method.name}">
<p class="route"><span class="verb">${route.verb}</span>${route.template}</p>
<h2>${rule.summary}</h2>
<p class="facts">${accessLine(rule.access)} ${rateLine(rule.rate)}${rule.aliasOf === "" ? undefined : html` An older path of <a href="#${rule.aliasOf}">${rule.aliasOf}</a>.`}</p>
${fieldTable("Path", route.pathFields)}
${route.hasBody ? undefined : fieldTable("Query", route.otherFields)}
${headerTable(route)}
${route.hasBody ? fieldTable("Body", route.otherFields) : undefined}
${route.hasBody && route.otherFields.length > 0 ? example("Request", exampleFields(route.otherFields)) : undefined}
${answer(route)}
${errorTable(route)}
</section>
`;
}

function accessLine(access: Access): string {
  if (access === Access.PUBLIC) return "No token.";
  return access === Access.USER ? "Access token." : "Access token, which may be expired.";
}

function fieldTable(title: string, plans: readonly FieldPlan[]): Html | undefined {
  if (plans.length === 0) return undefined;
  return html`<h3>${title}</h3>
<div class="wide" tabindex="0"><table><thead><tr><th>Field</th><th>Type</th><th>Rules</th></tr></thead><tbody>
${plans.map((plan) => html`<tr><td><code>${plan.name}</code></td><td>${typeOf(plan)}</td><td>${rulesOf(plan)}</td></tr>`)}
</tbody></table></div>`;
}

function typeOf(plan: FieldPlan): string {
  const kind = plan.shape.kind === "message" ? plan.shape.message.name : plan.shape.kind;
  return `${plan.repeated ? `list of ${kind}` : kind}${plan.rule.nullable ? " or null" : ""}`;
}

function rulesOf(plan: FieldPlan): Html {
  const { rule, shape } = plan;
  const unit = plan.repeated ? "items" : "characters";
  const words = [
    rule.required ? "required" : "optional",
    rule.sizeMin === undefined ? "" : `at least ${rule.sizeMin} ${unit}`,
    rule.sizeMax === undefined ? "" : `at most ${rule.sizeMax} ${unit}`,
    shape.kind === "integer"
      ? `${rule.minimum} to ${rule.maximum}${rule.clamp ? ", more is lowered" : ""}`
      : "",
    rule.oneOf.length === 0 ? "" : `one of ${rule.oneOf.join(", ")}`,
    rule.trimmed ? "no white space at an end, no control characters" : "",
    rule.commaSeparated ? "separated by commas" : "",
    rule.defaultValue === "" ? "" : `default ${rule.defaultValue}`,
    rule.description,
  ].filter((part) => part !== "");
  const pattern = rule.pattern?.source.replaceAll("\\/", "/");
  return html`${words.join("; ")}${pattern === undefined ? undefined : html` <code>${pattern}</code>`}`;
}

function headerTable({ rule }: RestRoute): Html | undefined {
  const rows: (readonly [string, string])[] = [];
  if (rule.deviceIdHeader) rows.push(["X-Device-ID", "required; the device's own UUID"]);
  if (rule.idempotencyKey)
    rows.push(["Idempotency-Key", "optional; a UUID that makes the request repeatable for 24 hours"]);
  if (rows.length === 0) return undefined;
  return html`<h3>Headers</h3>
<div class="wide" tabindex="0"><table><tbody>${rows.map(([name, text]) => html`<tr><td><code>${name}</code></td><td>${text}</td></tr>`)}</tbody></table></div>`;
}

function answer({ rule, method }: RestRoute): Html {
  const others = [
    rule.replaySuccess === 0
      ? ""
      : `${rule.replaySuccess} with X-Idempotent-Replay: true repeats an earlier result.`,
    rule.successFlag === "" ? "" : `${rule.successUnlessFlag} where ${rule.successFlag} is false.`,
  ].filter((line) => line !== "");
  if (rule.envelope === Envelope.EMPTY) return html`<h3>Answer ${rule.success}</h3><p>No body.</p>`;
  const value = exampleMessage(method.output);
  const body =
    rule.envelope === Envelope.OK
      ? { data: value }
      : rule.envelope === Envelope.OK_LIST
        ? { data: Object.values(value)[0] }
        : value;
  return html`${example(`Answer ${rule.success}`, body)}
${others.map((line) => html`<p class="facts">${line}</p>`)}
<details><summary>Fields of the answer</summary>${answerFields(messagePlan(method.output))}</details>`;
}

function answerFields(plans: readonly FieldPlan[]): Html {
  return html`<div class="wide" tabindex="0"><table><tbody>${rowsOf(plans, "")}</tbody></table></div>`;
}

function rowsOf(plans: readonly FieldPlan[], prefix: string): readonly Html[] {
  return plans.flatMap((plan) => {
    const path = `${prefix}${plan.name}${plan.repeated ? "[]" : ""}`;
    const absent = plan.rule.omitAbsent ? "left out when absent" : "";
    const nullable = plan.optional && !plan.rule.required && !plan.rule.omitAbsent;
    const type = typeOf({ ...plan, rule: { ...plan.rule, nullable } });
    const row = html`<tr><td><code>${path}</code></td><td>${type}</td><td>${[absent, plan.rule.oneOf.join(" | ")].filter((part) => part !== "").join("; ")}</td></tr>`;
    return plan.shape.kind === "message"
      ? [row, ...rowsOf(messagePlan(plan.shape.message), `${path}.`)]
      : [row];
  });
}

function example(title: string, value: unknown): Html {
  return html`<h3>${title}</h3><pre tabindex="0">${JSON.stringify(value, null, 2)}</pre>`;
}

function errorTable(route: RestRoute): Html {
  const rows = errorCodesOf(route).map((code) => ({ code, status: httpErrors[code].status }));
  return html`<details><summary>Refusals</summary><div class="wide" tabindex="0"><table><tbody>
${rows
  .sort((a, b) => a.status - b.status)
  .map(
    ({ code, status }) =>
      html`<tr><td>${status} <code>${code}</code></td><td>${errorMeanings[code] ?? ""}</td></tr>`,
  )}
</tbody></table></div></details>`;
}
