/** The field rules applied to a message that is already decoded: what an RPC request must pass before its handler. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { FieldError } from "../domain/errors.ts";
import {
  checkCount,
  checkInteger,
  checkText,
  type FieldPlan,
  messagePlan,
  missing,
  validationError,
} from "./field-rules.ts";

/**
 * Checks a request message and lowers values that are clamped, in place. A required text that is empty, and a
 * required list without items, count as missing: protobuf cannot tell them from absent ones.
 * @throws {TriplaneError} VALIDATION_ERROR with all wrong fields
 */
export function validateMessage(desc: DescMessage, message: Message): void {
  const errors: FieldError[] = [];
  checkMessage(desc, message, "", errors);
  if (errors.length > 0) throw validationError(errors);
}

function checkMessage(desc: DescMessage, message: Message, prefix: string, errors: FieldError[]): void {
  const values = message as unknown as Record<string, unknown>;
  for (const plan of messagePlan(desc)) {
    const path = prefix + plan.name;
    const value = values[plan.localName];
    if (plan.repeated) {
      checkList(plan, value as readonly unknown[], path, errors);
    } else if (value === undefined || (value === "" && !plan.optional)) {
      if (plan.rule.required) errors.push(missing(path));
    } else {
      const clamped = checkOne(plan, value, path, errors);
      if (clamped !== undefined) values[plan.localName] = clamped;
    }
  }
}

function checkList(plan: FieldPlan, items: readonly unknown[], path: string, errors: FieldError[]): void {
  if (items.length === 0) {
    if (plan.rule.required) errors.push(missing(path));
    return;
  }
  const countError = checkCount(plan.rule, items.length, path);
  if (countError !== undefined) {
    errors.push(countError);
    return;
  }
  const itemPlan = { ...plan, rule: { ...plan.rule, sizeMin: undefined, sizeMax: undefined } };
  items.forEach((item, index) => {
    checkOne(itemPlan, item, `${path}[${index}]`, errors);
  });
}

/** @returns the value to use instead, where the rule lowers it. */
function checkOne(
  plan: FieldPlan,
  value: unknown,
  path: string,
  errors: FieldError[],
): number | bigint | undefined {
  switch (plan.shape.kind) {
    case "string": {
      const error = checkText(plan.rule, value as string, path);
      if (error !== undefined) errors.push(error);
      return undefined;
    }
    case "integer": {
      const number = Number(value as number | bigint);
      const error = checkInteger(plan.rule, number, path);
      if (error !== undefined) errors.push(error);
      if (error !== undefined || number <= plan.rule.maximum) return undefined;
      return plan.shape.wide ? BigInt(plan.rule.maximum) : plan.rule.maximum;
    }
    case "message":
      checkMessage(plan.shape.message, value as Message, `${path}.`, errors);
      return undefined;
    case "bool":
      return undefined;
  }
}
