/** Histories on disk: one event a line, written and read as a stream. */
import type { HistoryEvent } from "./history.ts";

/** Buffered writer of one history file. Call `close` or the tail is lost. */
export class HistoryWriter {
  readonly #sink: Bun.FileSink;
  #count = 0;

  constructor(path: string) {
    this.#sink = Bun.file(path).writer({ highWaterMark: 1 << 20 });
  }

  get count(): number {
    return this.#count;
  }

  write(event: HistoryEvent): void {
    this.#sink.write(`${JSON.stringify(event)}\n`);
    this.#count += 1;
  }

  async close(): Promise<void> {
    await this.#sink.end();
  }
}

/** Events in file order. @throws {Error} a line is not a JSON object with a kind and a time; names the line */
export async function* readHistory(path: string): AsyncGenerator<HistoryEvent> {
  let lineNumber = 0;
  for await (const line of linesOf(path)) {
    lineNumber += 1;
    if (line === "") continue;
    yield parseEvent(line, `${path}:${lineNumber}`);
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of Bun.file(path).stream()) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

function parseEvent(line: string, place: string): HistoryEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw new Error(`${place}: not JSON`, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || !("kind" in parsed) || !("atMs" in parsed)) {
    throw new Error(`${place}: an event needs kind and atMs`);
  }
  if (typeof parsed.kind !== "string" || typeof parsed.atMs !== "number") {
    throw new Error(`${place}: kind must be a string and atMs a number`);
  }
  return parsed as HistoryEvent;
}
