/** Example values of messages, from the `example` of their field rules. */
import type { DescMessage } from "@bufbuild/protobuf";
import { type FieldPlan, messagePlan } from "../../rpc/field-rules.ts";

/** A complete, valid JSON form of the message. Optional fields without an example are null or left out, as the rule says. */
export function exampleMessage(message: DescMessage): Record<string, unknown> {
  return exampleFields(messagePlan(message));
}

export function exampleFields(plans: readonly FieldPlan[]): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const plan of plans) {
    const value = exampleField(plan);
    if (value !== undefined) json[plan.name] = value;
    else if (plan.rule.nullable) json[plan.name] = null;
  }
  return json;
}

/** @returns undefined for an optional field without an example. */
export function exampleField(plan: FieldPlan): unknown {
  const { rule, shape } = plan;
  if (shape.kind === "message") {
    const value = exampleMessage(shape.message);
    return plan.repeated ? [value] : value;
  }
  const text = rule.example || rule.oneOf[0] || rule.defaultValue;
  if (text === "" && plan.repeated) return [];
  if (text === "" && !rule.required) return undefined;
  const value = exampleScalar(plan, text);
  return plan.repeated ? [value] : value;
}

function exampleScalar({ shape, rule }: FieldPlan, text: string): unknown {
  switch (shape.kind) {
    case "integer":
      return text === "" ? rule.minimum : Number(text);
    case "bool":
      return text === "true";
    default:
      return text;
  }
}
