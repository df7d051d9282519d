/** Answers of REST by descriptor: snake_case names, 64-bit numbers as JSON numbers, absence as the field rule says. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { Envelope } from "../gen/messaging/v1/rest_pb.js";
import { type FieldPlan, messagePlan } from "../rpc/field-rules.ts";

/** The body of a success, in the method's envelope; undefined where there is none. */
export function encodeAnswer(envelope: Envelope, desc: DescMessage, message: Message): unknown {
  switch (envelope) {
    case Envelope.EMPTY:
      return undefined;
    case Envelope.OK:
      return { data: encodeMessage(desc, message) };
    case Envelope.OK_LIST:
      return { data: Object.values(encodeMessage(desc, message))[0] };
    default:
      return encodeMessage(desc, message);
  }
}

/** @throws {Error} a required message that is absent or a number above 2^53 - 1: a programmer's mistake */
export function encodeMessage(desc: DescMessage, message: Message): Record<string, unknown> {
  const values = message as unknown as Record<string, unknown>;
  const json: Record<string, unknown> = {};
  for (const plan of messagePlan(desc)) {
    const value = values[plan.localName];
    if (value !== undefined) {
      json[plan.name] = plan.repeated
        ? (value as readonly unknown[]).map((item) => encodeValue(plan, item))
        : encodeValue(plan, value);
    } else if (plan.rule.required) {
      throw new Error(`${desc.typeName}.${plan.name} is required and absent`);
    } else if (!plan.rule.omitAbsent) {
      json[plan.name] = null;
    }
  }
  return json;
}

function encodeValue(plan: FieldPlan, value: unknown): unknown {
  if (plan.shape.kind === "message") return encodeMessage(plan.shape.message, value as Message);
  if (typeof value !== "bigint") return value;
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`${plan.name} is ${value}, limit 2^53 - 1`);
  return Number(value);
}
