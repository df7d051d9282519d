/** The model's virtual time: things to do, in order of time, one strictly after the other. */
export class ModelAgenda {
  #nowMs = 0;
  #order = 0;
  readonly #due: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): void {
    const entry = { atMs: this.#nowMs + delayMs, order: this.#order++, run };
    const place = this.#due.findLastIndex((other) => other.atMs <= entry.atMs) + 1;
    this.#due.splice(place, 0, entry);
  }

  /** Runs until nothing is left; each step gets a time of its own. */
  drain(): void {
    for (let next = this.#due.shift(); next !== undefined; next = this.#due.shift()) {
      this.#nowMs = Math.max(this.#nowMs + 0.001, next.atMs);
      next.run();
    }
  }
}
