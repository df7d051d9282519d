/** Delivery watermarks in SQLite: see port. Every read is strong here. */
import { TriplaneError } from "../domain/errors.ts";
import type { ChatId, UserId } from "../domain/ids.ts";
import { limits } from "../domain/limits.ts";
import type { DeliveryState, DeliveryStateStore, WatermarkAdvance } from "./delivery-state-store.ts";
import { advanceWatermarks, getWatermarks, listWatermarks } from "./sqlite/delivery-commands.ts";
import type { Storage } from "./sqlite/storage.ts";

export class SqliteDeliveryStateStore implements DeliveryStateStore {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  async advance(advances: readonly WatermarkAdvance[]): Promise<readonly DeliveryState[]> {
    for (const { sequence } of advances) {
      if (Number.isSafeInteger(sequence) && sequence >= 1) continue;
      throw new TriplaneError(
        "INVALID_SEQUENCE",
        `sequence ${sequence} is outside 1 … ${limits.sequenceMax}`,
      );
    }
    return this.#storage.run(advanceWatermarks, advances);
  }

  get(
    keys: readonly { readonly userId: UserId; readonly chatId: ChatId }[],
  ): Promise<readonly (DeliveryState | undefined)[]> {
    return this.#storage.run(getWatermarks, keys);
  }

  listOf(userId: UserId): Promise<readonly DeliveryState[]> {
    return this.#storage.run(listWatermarks, userId);
  }
}
