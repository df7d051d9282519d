/** Remembers tokens whose signature was checked, so that a sender's every message does not cost an RSA operation. */
import type { VerifiedToken } from "./access-tokens.ts";

/** Least recently used first out; never answers for another version of the keys. */
export class VerifiedTokenCache {
  readonly #tokensMax: number;
  readonly #tokens = new Map<string, VerifiedToken>();
  #version = 0;

  constructor(tokensMax: number) {
    this.#tokensMax = tokensMax;
  }

  get(token: string, version: number, nowMs: number): VerifiedToken | undefined {
    if (version !== this.#version) {
      this.#tokens.clear();
      this.#version = version;
      return undefined;
    }
    const verified = this.#tokens.get(token);
    if (verified === undefined) return undefined;
    this.#tokens.delete(token);
    if (verified.expiresAtMs <= nowMs) return undefined;
    this.#tokens.set(token, verified);
    return verified;
  }

  put(token: string, version: number, verified: VerifiedToken): void {
    if (version !== this.#version) return;
    this.#tokens.set(token, verified);
    if (this.#tokens.size <= this.#tokensMax) return;
    for (const oldest of this.#tokens.keys()) {
      this.#tokens.delete(oldest);
      return;
    }
  }

  get size(): number {
    return this.#tokens.size;
  }
}
