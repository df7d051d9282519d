/**
 * Port: delivery watermarks per (user, chat). A watermark never falls; rows outlive membership; the highest
 * acknowledgement of any device wins. The caller bounds a value by the chat's counter.
 */
import type { ChatId, UserId } from "../domain/ids.ts";

export interface DeliveryState {
  readonly userId: UserId;
  readonly chatId: ChatId;
  readonly lastAckedSequence: number;
  readonly updatedAtMs: number;
}

export interface WatermarkAdvance {
  readonly userId: UserId;
  readonly chatId: ChatId;
  /** 1 … 2^53 - 1. */
  readonly sequence: number;
  readonly nowMs: number;
}

export interface DeliveryStateStore {
  /** Raises each watermark if the value is higher; else a no-op. @returns the states after it, in order. */
  advance(advances: readonly WatermarkAdvance[]): Promise<readonly DeliveryState[]>;
  /** In the order asked; undefined where nothing was ever acknowledged. Eventual. */
  get(
    keys: readonly { readonly userId: UserId; readonly chatId: ChatId }[],
  ): Promise<readonly (DeliveryState | undefined)[]>;
  /** All of a user. Eventual. */
  listOf(userId: UserId): Promise<readonly DeliveryState[]>;
}
