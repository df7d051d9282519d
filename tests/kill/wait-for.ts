const pollMs = 10;

/** Resolves once the condition holds. @throws {Error} it did not hold in time; says what was waited for */
export async function waitFor(what: string, timeoutMs: number, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`${what} did not come true within ${timeoutMs} ms`);
    await Bun.sleep(pollMs);
  }
}
