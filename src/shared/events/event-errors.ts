/** Why a record can never be processed. The class name is the first word of a dead letter's reason. */

/** The value is no JSON object. */
export class ParseError extends Error {
  override readonly name = "ParseError";
}

/** A required field is missing, of the wrong type, or contradicts another. */
export class SchemaViolationError extends Error {
  override readonly name = "SchemaViolationError";
}

export class UnknownEventTypeError extends Error {
  override readonly name = "UnknownEventTypeError";
}
