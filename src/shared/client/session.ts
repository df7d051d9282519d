/** The login of one installation: device id, tokens, their refresh; stored before they are used. */
import { LoggedOutError, RestError } from "./client-errors.ts";
import type { Http } from "./http.ts";
import type { Clock, Random, Timer } from "./ports.ts";
import type { TokenSource } from "./rest.ts";
import type { Tokens, VerifiedOtp } from "./rest-types.ts";
import { type ClientStorage, storageKeys } from "./storage.ts";
import { rejectOnAbort } from "./time-limit.ts";
import { readTokenTimes } from "./token-times.ts";
import { newUuid } from "./uuid.ts";

/** A session made elsewhere, e.g. by a seeding tool. */
export interface Credentials {
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

interface StoredSession extends Credentials {
  readonly accessExpiresAtMs: number;
  readonly accessLifetimeMs: number;
}

export interface SessionHooks {
  /** A new access token is in force. */
  onRefreshed(): void;
  onRefreshFailed(cause: unknown): void;
  onLoggedOut(reason: string): void;
}

/** How long before its end an access token is replaced, if it lives long enough. */
const refreshAheadMs = 5 * 60_000;
/** Pause before an early refresh that failed is tried again. */
const refreshRetryMs = 15_000;

export class Session implements TokenSource {
  readonly #storage: ClientStorage;
  readonly #http: Http;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #hooks: SessionHooks;
  #current: StoredSession | undefined;
  #deviceId = "";
  #refreshing: Promise<string> | undefined;
  #early: Timer | undefined;
  #closed = false;

  constructor(storage: ClientStorage, http: Http, clock: Clock, random: Random, hooks: SessionHooks) {
    this.#storage = storage;
    this.#http = http;
    this.#clock = clock;
    this.#random = random;
    this.#hooks = hooks;
  }

  get userId(): string | undefined {
    return this.#current?.userId;
  }

  get deviceId(): string {
    return this.#deviceId;
  }

  /** Reads what is stored; makes and stores a device id where there is none. */
  async load(deviceId: string | undefined): Promise<void> {
    this.#current = await this.#stored();
    const known = this.#current?.deviceId ?? deviceId ?? (await this.#storage.get(storageKeys.device));
    this.#deviceId = known ?? newUuid(this.#random);
    await this.#storage.write([{ key: storageKeys.device, value: this.#deviceId }]);
    this.#armEarlyRefresh();
  }

  async verifyOtp(phoneNumber: string, otp: string, signal: AbortSignal | undefined): Promise<VerifiedOtp> {
    const result = await this.#http(
      {
        method: "POST",
        path: "/auth/verify-otp",
        body: { phone_number: phoneNumber, otp, device_id: this.#deviceId },
        headers: { "X-Device-ID": this.#deviceId },
        // Keyed by phone, device and code on the server.
        repeatable: true,
      },
      signal,
    );
    const { data } = result.body as { readonly data: VerifiedOtp };
    await this.#keep(data.user.user_id, data.tokens);
    return data;
  }

  async adopt(credentials: Credentials): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const times = readTokenTimes(credentials.accessToken);
    this.#deviceId = credentials.deviceId;
    await this.#store({
      ...credentials,
      // A token that cannot be read is used until it is refused.
      accessExpiresAtMs: times?.expiresAtMs ?? Number.MAX_SAFE_INTEGER,
      accessLifetimeMs: times === undefined ? 0 : times.expiresAtMs - (times.issuedAtMs ?? nowMs),
    });
  }

  /** A token that is good for a while; refreshes one that is about to end. */
  async accessToken(signal: AbortSignal | undefined): Promise<string> {
    const current = this.#require();
    if (this.#clock.nowMs() < refreshAtMs(current)) return current.accessToken;
    try {
      return await this.#refresh(signal);
    } catch (error) {
      const usable = this.#clock.nowMs() < current.accessExpiresAtMs;
      if (usable && error instanceof RestError && !signal?.aborted) return current.accessToken;
      throw error;
    }
  }

  async replaceToken(refused: string, signal: AbortSignal | undefined): Promise<string> {
    const current = this.#require();
    return current.accessToken === refused ? this.#refresh(signal) : current.accessToken;
  }

  /** Ends the session on the server, if it answers, and here. */
  async logout(signal: AbortSignal | undefined): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    try {
      await this.#http(
        {
          method: "POST",
          path: "/auth/logout",
          body: { refresh_token: current.refreshToken },
          headers: { Authorization: `Bearer ${await this.accessToken(signal)}` },
          repeatable: true,
        },
        signal,
      );
    } finally {
      await this.end("logged_out");
    }
  }

  /** Forgets the tokens. */
  async end(reason: string): Promise<void> {
    if (this.#current === undefined) return;
    this.#current = undefined;
    this.#early?.cancel();
    this.#hooks.onLoggedOut(reason);
    await this.#storage.write([{ key: storageKeys.session, value: undefined }]);
  }

  close(): void {
    this.#closed = true;
    this.#early?.cancel();
  }

  #require(): StoredSession {
    if (this.#current === undefined) throw new LoggedOutError("not_logged_in");
    return this.#current;
  }

  /**
   * One refresh at a time: presenting a refresh token twice ends the session. An aborted caller stops waiting,
   * the refresh goes on.
   */
  #refresh(signal: AbortSignal | undefined): Promise<string> {
    this.#refreshing ??= this.#exchange().finally(() => {
      this.#refreshing = undefined;
    });
    return rejectOnAbort(signal, this.#refreshing);
  }

  async #exchange(): Promise<string> {
    const before = this.#require();
    try {
      const result = await this.#http(
        {
          method: "POST",
          path: "/auth/refresh",
          body: { refresh_token: before.refreshToken },
          headers: { Authorization: `Bearer ${before.accessToken}`, "X-Device-ID": before.deviceId },
          repeatable: false,
        },
        undefined,
      );
      const { tokens } = (result.body as { readonly data: { readonly tokens: Tokens } }).data;
      await this.#keep(before.userId, tokens);
      this.#hooks.onRefreshed();
      return tokens.access_token;
    } catch (error) {
      if (!(error instanceof RestError) || error.status !== 401) throw error;
      // Another user of the same storage may have been first.
      const stored = await this.#stored();
      if (stored !== undefined && stored.refreshToken !== before.refreshToken) {
        this.#current = stored;
        this.#armEarlyRefresh();
        this.#hooks.onRefreshed();
        return stored.accessToken;
      }
      await this.end(error.code);
      throw new LoggedOutError(error.code);
    }
  }

  #keep(userId: string, tokens: Tokens): Promise<void> {
    const lifetimeMs = tokens.expires_in * 1000;
    return this.#store({
      userId,
      deviceId: this.#deviceId,
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      // Counted on this clock from the answer on, so that a wrong clock does no harm.
      accessExpiresAtMs: this.#clock.nowMs() + lifetimeMs,
      accessLifetimeMs: lifetimeMs,
    });
  }

  async #store(session: StoredSession): Promise<void> {
    await this.#storage.write([
      { key: storageKeys.session, value: JSON.stringify(session) },
      { key: storageKeys.device, value: session.deviceId },
    ]);
    this.#current = session;
    this.#armEarlyRefresh();
  }

  async #stored(): Promise<StoredSession | undefined> {
    const text = await this.#storage.get(storageKeys.session);
    return text === undefined ? undefined : (JSON.parse(text) as StoredSession);
  }

  #armEarlyRefresh(): void {
    this.#early?.cancel();
    const current = this.#current;
    if (current === undefined || current.accessExpiresAtMs === Number.MAX_SAFE_INTEGER) return;
    this.#armAt(refreshAtMs(current) - this.#clock.nowMs());
  }

  #armAt(delayMs: number): void {
    if (this.#closed) return;
    this.#early = this.#clock.setTimer(Math.max(0, delayMs), () => {
      if (this.#current === undefined || this.#closed) return;
      this.#refresh(undefined).catch((cause: unknown) => {
        if (cause instanceof LoggedOutError || this.#closed) return;
        this.#hooks.onRefreshFailed(cause);
        this.#armAt(refreshRetryMs * (1 + this.#random.float()));
      });
    });
  }
}

function refreshAtMs(session: StoredSession): number {
  if (session.accessExpiresAtMs === Number.MAX_SAFE_INTEGER) return session.accessExpiresAtMs;
  return session.accessExpiresAtMs - Math.min(refreshAheadMs, session.accessLifetimeMs / 4);
}
