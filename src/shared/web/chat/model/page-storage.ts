/** What the page remembers by itself, per user and browser: small, and none of it is needed to be correct. */
import type { ChatSummary } from "./chat-summary.ts";
import type { Person } from "./people.ts";

/** The part of `localStorage` that is used. */
export interface KeyValues {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface RememberedPage {
  readonly me: {
    readonly user_id: string;
    readonly phone_number: string;
    readonly display_name: string | null;
  };
  readonly chats: readonly ChatSummary[];
  readonly people: readonly (readonly [string, Person])[];
}

/** Chats that are remembered for a start without a server. */
export const rememberedChatsMax = 200;

const key = (userId: string): string => `triplane.page.${userId}`;

/** undefined when nothing usable is stored. */
export function readPage(values: KeyValues, userId: string): RememberedPage | undefined {
  try {
    const text = values.getItem(key(userId));
    return text === null ? undefined : (JSON.parse(text) as RememberedPage);
  } catch {
    // Storage may be forbidden, full of something else, or written by another version: start without.
    return undefined;
  }
}

export function writePage(values: KeyValues, userId: string, page: RememberedPage): void {
  try {
    values.setItem(key(userId), JSON.stringify(page));
  } catch {
    // A full or forbidden storage costs the offline start, nothing else.
  }
}

export function forgetPage(values: KeyValues, userId: string): void {
  try {
    values.removeItem(key(userId));
  } catch {
    // See writePage.
  }
}
