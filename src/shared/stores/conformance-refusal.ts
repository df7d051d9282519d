/**
 * What a call was refused with, for a conformance suite to look at. Bun's `expect(…).rejects` waits inside the
 * matcher, where immediates do not run: a store behind a thread or a socket would never answer.
 * @throws {Error} the call was not refused
 */
export async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (thrown) {
    return thrown;
  }
  throw new Error("the call was answered, a refusal was expected");
}
