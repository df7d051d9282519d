/** Clients of a real server whose every frame is recorded, and what happens to them in a run. */
import { TriplaneClient } from "../../../src/shared/client/client.ts";
import { MemoryStorage } from "../../../src/shared/client/storage-memory.ts";
import type { HistoryEvent } from "../../checker/history.ts";
import { type ClientRecording, Recorder } from "../../checker/recorder.ts";
import { SeededRandom } from "../../checker/seeded-random.ts";
import type { Member, SeededUser } from "../../kill/load.ts";
import { runCommand } from "../../kill/standalone-process.ts";
import { waitFor } from "../../kill/wait-for.ts";

const sizes = { users: 8, chats: 3, members: 5 };
const settleTimeoutMs = 60_000;

interface Actor extends Member {
  readonly recording: ClientRecording;
  readonly storage: MemoryStorage;
}

export class RecordedCast {
  readonly events: HistoryEvent[] = [];
  readonly recorder = new Recorder({
    nowMs: () => performance.now(),
    write: (event) => this.events.push(event),
  });
  /** One per user, and a second device of the last one. */
  readonly #users: readonly SeededUser[];
  readonly #random: SeededRandom;
  #actors: Actor[] = [];
  #url = "";

  private constructor(users: readonly SeededUser[], seed: number) {
    this.#users = users;
    this.#random = new SeededRandom(seed);
  }

  /** Makes users and groups in the data directory of a server that does not run yet. */
  static async seed(dataDir: string, out: string, seed: number): Promise<RecordedCast> {
    const flags = Object.entries(sizes).flatMap(([name, size]) => [`--${name}`, String(size)]);
    await runCommand("seed", ...flags, "--out", out, "--data", dataDir);
    const lines = (await Bun.file(out).text()).split("\n").filter((line) => line !== "");
    const users = lines.map((line) => JSON.parse(line) as SeededUser);
    const last = users.at(-1);
    if (last === undefined) throw new Error("the seed made no users");
    const second = JSON.parse(await runCommand("token", last.phone_number, "--data", dataDir)) as SeededUser;
    return new RecordedCast([...users, second], seed);
  }

  get members(): readonly Member[] {
    return this.#actors;
  }

  /** Everybody connects. All act in all chats, so that each chat has strangers who try. */
  async enter(url: string): Promise<void> {
    this.#url = url;
    const chatIds = [...new Set(this.#users.flatMap((user) => user.chat_ids ?? []))];
    for (const [index, seeded] of this.#users.entries()) {
      const user = { ...seeded, chat_ids: chatIds };
      const actor = await this.#open(`client_${index + 1}`, user, new MemoryStorage());
      this.#actors.push(actor);
      await actor.client.useSession({
        userId: user.user_id,
        deviceId: user.device_id,
        accessToken: user.access_token,
        refreshToken: user.refresh_token,
      });
    }
    for (const chatId of chatIds) {
      for (const { user_id } of (await this.#detail(chatId)).members) {
        await this.recorder.membershipChange(chatId, user_id, "joined", () => Promise.resolve());
      }
    }
    await Promise.all(this.#actors.map(({ client }) => client.connect()));
  }

  allReady(): boolean {
    return this.#actors.every(({ client }) => client.state === "Ready");
  }

  /** Owners remove members and add whoever is not in, one after the other. */
  async changeMembers(count: number): Promise<void> {
    for (let change = 0; change < count; change += 1) {
      const chatId = this.#random.pick(this.#actors[0]?.user.chat_ids ?? []);
      const { user } = this.#random.pick(this.#actors);
      const { members } = await this.#detail(chatId);
      const member = members.find(({ user_id }) => user_id === user.user_id);
      if (member?.role === "owner") continue;
      const { rest } = this.#clientOf(members.find(({ role }) => role === "owner")?.user_id);
      const kind = member === undefined ? "joined" : "left";
      await this.recorder.membershipChange<unknown>(chatId, user.user_id, kind, () =>
        member === undefined ? rest.addMember(chatId, user.user_id) : rest.removeMember(chatId, user.user_id),
      );
      await Bun.sleep(this.#random.integer(20, 150));
    }
  }

  /** Ends the first client as `kill -9` would and opens the next one on its storage. */
  async restartFirstClient(): Promise<void> {
    const [first, ...others] = this.#actors;
    if (first === undefined) throw new Error("there is no client");
    first.client.abandon();
    first.recording.stopped();
    const actor = await this.#open("client_1 again", first.user, first.storage);
    this.#actors = [actor, ...others];
    await actor.client.connect();
  }

  /** Every send is answered, and every member of a chat holds what any member holds. */
  async settle(): Promise<void> {
    await waitFor("every send is answered", settleTimeoutMs, () =>
      this.#actors.every(({ client }) => client.state === "Ready" && client.unsent.length === 0),
    );
    for (const chatId of this.#actors[0]?.user.chat_ids ?? []) {
      const { members, current_sequence } = await this.#detail(chatId);
      const userIds = new Set(members.map(({ user_id }) => user_id));
      const present = this.#actors.filter(({ user }) => userIds.has(user.user_id));
      await Promise.all(present.map(({ client }) => client.sync(chatId)));
      await waitFor(`${chatId} is complete everywhere`, settleTimeoutMs, () =>
        present.every(({ client }) => client.cursor(chatId) === current_sequence),
      );
    }
    await Promise.all(this.#actors.map(({ client }) => client.flushAcks()));
    this.recorder.settled();
  }

  async leave(): Promise<void> {
    await Promise.all(this.#actors.map(({ client }) => client.close()));
  }

  /** The recording begins with what the storage holds, so it can only begin after the client is open. */
  async #open(name: string, user: SeededUser, storage: MemoryStorage): Promise<Actor> {
    let recording: ClientRecording | undefined;
    const client = await TriplaneClient.open({
      baseUrl: this.#url,
      storage,
      onFrame: (direction, text) => recording?.onFrame(direction, text),
      limitSends: false,
      messagesPerChatMax: 100_000,
    });
    const cursors = Object.fromEntries(user.chat_ids.map((chatId) => [chatId, client.cursor(chatId)]));
    recording = this.recorder.client(name, user.user_id, cursors);
    recording.attach(client);
    return { user, client, recording, storage };
  }

  #clientOf(userId: string | undefined): TriplaneClient {
    const actor = this.#actors.find(({ user }) => user.user_id === userId);
    if (actor === undefined) throw new Error(`${userId} has no client`);
    return actor.client;
  }

  /** As the first member sees it that is let in. */
  async #detail(chatId: string): ReturnType<TriplaneClient["rest"]["getChat"]> {
    const answers = await Promise.allSettled(this.#actors.map(({ client }) => client.rest.getChat(chatId)));
    const detail = answers.find((answer) => answer.status === "fulfilled");
    if (detail === undefined) throw new Error(`nobody may read ${chatId}`);
    return detail.value;
  }
}
