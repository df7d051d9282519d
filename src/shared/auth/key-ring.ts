/** The keys in use: verifies with all of them, signs with the current one, and follows a rotation without a restart. */
import { type CryptoKey, importJWK } from "jose";
import type { Clock } from "../domain/clock.ts";
import { type KeySet, publicKeySet } from "./key-set.ts";

/** Reads the configured keys; called at the start and at every reload. */
export type KeySource = () => Promise<KeySet>;

export interface KeyRingOptions {
  readonly source: KeySource;
  readonly clock: Clock;
  /** Told when a reload failed; the ring goes on with the keys it has. */
  readonly onReloadFailed: (error: unknown) => void;
}

export interface SigningKey {
  readonly keyId: string;
  readonly key: CryptoKey;
}

/** After a reload, unknown key ids are refused for this long without another one. */
const reloadCooldownMs = 30_000;

interface Keys {
  readonly signing: SigningKey | undefined;
  readonly verifying: ReadonlyMap<string, CryptoKey>;
}

export class KeyRing {
  readonly #options: KeyRingOptions;
  #keys: Keys;
  #version = 1;
  #reloadedAtMs = Number.NEGATIVE_INFINITY;
  #reloading: Promise<void> | undefined;

  private constructor(options: KeyRingOptions, keys: Keys) {
    this.#options = options;
    this.#keys = keys;
  }

  /** @throws {Error} when there are no usable keys: the service must not become ready */
  static async open(options: KeyRingOptions): Promise<KeyRing> {
    return new KeyRing(options, await importKeys(await options.source()));
  }

  /** Rises with every reload: what was derived from older keys must be checked again. */
  get version(): number {
    return this.#version;
  }

  /** The key for new tokens; undefined where this process only verifies. */
  get signing(): SigningKey | undefined {
    return this.#keys.signing;
  }

  /** An unknown id causes one reload, then none for 30 s. @returns undefined when it stays unknown */
  async verificationKey(keyId: string): Promise<CryptoKey | undefined> {
    const known = this.#keys.verifying.get(keyId);
    if (known !== undefined) return known;
    if (this.#options.clock.monotonicMs() - this.#reloadedAtMs >= reloadCooldownMs) await this.reload();
    else await this.#reloading;
    return this.#keys.verifying.get(keyId);
  }

  /** Reads the source again; concurrent calls share one read. Never throws. */
  reload(): Promise<void> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    this.#reloadedAtMs = this.#options.clock.monotonicMs();
    try {
      this.#keys = await importKeys(await this.#options.source());
      this.#version += 1;
    } catch (error) {
      this.#options.onReloadFailed(error);
    }
  }
}

async function importKeys(set: KeySet): Promise<Keys> {
  const verifying = new Map<string, CryptoKey>();
  for (const { keyId, jwk } of publicKeySet(set).keys) verifying.set(keyId, await importRsa(jwk));
  const current = set.keys.find((key) => key.keyId === set.currentKeyId);
  const signing = current?.canSign ? { keyId: current.keyId, key: await importRsa(current.jwk) } : undefined;
  return { signing, verifying };
}

async function importRsa(jwk: Parameters<typeof importJWK>[0]): Promise<CryptoKey> {
  const key = await importJWK(jwk, "RS256");
  if (key instanceof Uint8Array) throw new Error("signing keys: a symmetric key where RSA is needed");
  return key;
}
