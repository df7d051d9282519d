/** Writes YAML 1.2: block mappings and sequences of plain data, strings quoted unless they cannot be misread. */

/** Plain data only: null, booleans, finite numbers, strings, arrays, objects; undefined members are left out. */
export function toYaml(value: unknown): string {
  return `${block(value, 0).trimStart()}\n`;
}

function block(value: unknown, depth: number): string {
  const indent = "  ".repeat(depth);
  if (Array.isArray(value)) {
    if (value.length === 0) return " []";
    return value.map((item) => `\n${indent}-${inSequence(item, depth + 1)}`).join("");
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    if (members.length === 0) return " {}";
    return members.map(([key, member]) => `\n${indent}${text(key)}:${block(member, depth + 1)}`).join("");
  }
  return ` ${scalar(value)}`;
}

/** The first member of a mapping stands on the line of its dash. */
function inSequence(item: unknown, depth: number): string {
  const written = block(item, depth);
  return written.startsWith("\n") ? ` ${written.slice(1 + 2 * depth)}` : written;
}

function scalar(value: unknown): string {
  if (typeof value === "string") return text(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  throw new Error(`YAML cannot say ${String(value)}`);
}

const plainText = /^[A-Za-z/][A-Za-z0-9_./{}-]*(?: [A-Za-z0-9_.,/-]+)*$/;
const misread = /^(?:true|false|yes|no|on|off|null|y|n|\.nan|\.inf)$/i;

/** A JSON string is a double-quoted YAML scalar (YAML 1.2.2 section 1.3). */
function text(value: string): string {
  return plainText.test(value) && !misread.test(value) ? value : JSON.stringify(value);
}
