/** One-time codes in the embedded database. See the port. */
import type { OtpStore } from "./otp-store.ts";
import { consumeOtp, countOtpFailure, expireOtps, putOtp, readOtp } from "./sqlite/otp-commands.ts";
import type { Storage } from "./sqlite/storage.ts";

export function createSqliteOtpStore(storage: Storage): OtpStore {
  return {
    get: (phoneHash) => storage.run(readOtp, phoneHash),
    put: (otp, attemptsMax) => storage.run(putOtp, { otp, attemptsMax }),
    countFailure: (phoneHash, attemptsMax) => storage.run(countOtpFailure, { phoneHash, attemptsMax }),
    consume: (consumption) => storage.run(consumeOtp, consumption),
    expire: (beforeMs, limit) => storage.run(expireOtps, { beforeMs, limit }),
  };
}
