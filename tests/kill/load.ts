/** What the members of a kill test do all day: send, send again, read. */
import type { TriplaneClient } from "../../src/shared/client/client.ts";
import type { Recorder } from "../checker/recorder.ts";
import { SeededRandom } from "../checker/seeded-random.ts";

/** A line of `triplane seed`. */
export interface SeededUser {
  readonly user_id: string;
  readonly phone_number: string;
  readonly device_id: string;
  readonly access_token: string;
  readonly refresh_token: string;
  readonly chat_ids: readonly string[];
}

export interface Member {
  readonly user: SeededUser;
  readonly client: TriplaneClient;
}

/** Messages that may wait in one client: load must not outgrow what a server under kills can take. */
const waitingMax = 10;
const pauseMs = { min: 20, max: 220 };

export class Load {
  readonly #stopped = new AbortController();
  readonly #running: readonly Promise<void>[];

  private constructor(recorder: Recorder, members: readonly Member[], seed: number) {
    this.#running = members.map((member, index) =>
      this.#act(recorder, member, new SeededRandom(seed * 1000 + index)),
    );
  }

  static start(recorder: Recorder, members: readonly Member[], seed: number): Load {
    return new Load(recorder, members, seed);
  }

  /** Resolves when nobody starts anything new; sends may still wait. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error("the load has ended"));
    await Promise.all(this.#running);
  }

  async #act(recorder: Recorder, { user, client }: Member, random: SeededRandom): Promise<void> {
    const { signal } = this.#stopped;
    const reads: Promise<unknown>[] = [];
    let sent: { chatId: string; clientMessageId: string; content: string } | undefined;
    let count = 0;
    while (!signal.aborted) {
      await Bun.sleep(random.integer(pauseMs.min, pauseMs.max));
      const chatId = random.pick(user.chat_ids);
      const dice = random.float();
      if (dice < 0.03) {
        const bounds = { direction: "backward", after: null, before: null } as const;
        const read = (): ReturnType<typeof client.rest.history> => client.rest.history(chatId, {}, signal);
        reads.push(ignoringFailure(recorder.historyRead(user.user_id, chatId, bounds, read)));
      } else if (dice < 0.06) {
        const read = (): ReturnType<typeof client.rest.deliveryStates> =>
          client.rest.deliveryStates([chatId], signal);
        reads.push(ignoringFailure(recorder.watermarkReads(user.user_id, read)));
      } else if (client.unsent.length < waitingMax) {
        const again = sent !== undefined && dice < 0.1 ? sent : undefined;
        const content =
          again?.content ?? `${user.user_id} says ${count}: ${"text ".repeat(random.integer(0, 20))}`;
        const clientMessageId = again?.clientMessageId ?? random.uuid();
        count += 1;
        sent = { chatId: again?.chatId ?? chatId, clientMessageId, content };
        client.send(sent.chatId, content, { clientMessageId });
      }
    }
    await Promise.all(reads);
  }
}

/** A read that a kill cuts off proves nothing, and is not recorded. */
async function ignoringFailure(read: Promise<unknown>): Promise<void> {
  await read.catch(() => undefined);
}
