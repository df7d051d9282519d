/** A method's `messaging.v1.rest` option, decoded once: reading an option decodes it anew each time. */
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { type RestRule, rest } from "../gen/messaging/v1/rest_pb.js";

const rules = new WeakMap<DescMethod, RestRule>();

export function restRule(method: DescMethod): RestRule {
  let rule = rules.get(method);
  if (rule === undefined) {
    rule = getOption(method, rest);
    rules.set(method, rule);
  }
  return rule;
}
