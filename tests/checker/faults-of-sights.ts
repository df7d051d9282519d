/** What is seen wrongly: pushes, pages and reads that disagree with the store or with each other. */
import { answeredSync, anyOf, changed, type Fault, insert, replace } from "./fault-planting.ts";
import { arrangeHistory } from "./recorded-history.ts";

export const sightFaults: readonly Fault[] = [
  ...(["content", "senderId", "messageId", "createdAt"] as const).map(
    (field): Fault => ({
      name: `a push tells another ${field} than is stored`,
      plant: (run, random) => {
        const push = anyOf(run, random, "message_pushed");
        return push === undefined
          ? undefined
          : changed(run, push, { message: { ...push.message, [field]: "other" } });
      },
      caught: ["observed_differs"],
    }),
  ),
  {
    name: "a member gets two messages in each other's place",
    plant: (run, random) => {
      const page = anyOf(run, random, "page_received", ({ messages }) => messages.length > 1);
      const [one, two, ...rest] = page?.messages ?? [];
      if (one === undefined || two === undefined) return undefined;
      const crossed = [{ ...two, sequence: one.sequence }, { ...one, sequence: two.sequence }, ...rest];
      return changed(run, page, { messages: crossed });
    },
    caught: ["observed_differs"],
  },
  {
    name: "an ack tells another time than is stored",
    plant: (run, random) => {
      const recorded = arrangeHistory(run.events, run.store);
      const ack = anyOf(run, random, "ack_received", ({ requestId }) =>
        [...recorded.sends.values()].some(
          (send) => send.exchanges.length === 1 && send.exchanges[0]?.request.requestId === requestId,
        ),
      );
      return changed(run, ack, { createdAt: "2000-01-01T00:00:00.000Z" });
    },
    caught: ["observed_differs"],
  },
  {
    name: "a push of a message that is not stored",
    plant: (run, random) => {
      const push = anyOf(run, random, "message_pushed");
      if (push === undefined) return undefined;
      return replace(run, push, push, { ...push, message: { ...push.message, sequence: 100_000 } });
    },
    caught: ["observed_not_stored"],
    // It is higher than all that follow on its connection.
    alongside: ["push_order"],
  },
  {
    name: "a page in the wrong order",
    plant: (run, random) => {
      const page = anyOf(
        run,
        random,
        "page_received",
        ({ messages, hasMore }) => messages.length > 2 && !hasMore,
      );
      return page === undefined ? undefined : changed(run, page, { messages: page.messages.toReversed() });
    },
    caught: ["page_unordered"],
  },
  {
    name: "a page with a hole",
    plant: (run, random) => {
      const found = answeredSync(run, random, ({ messages }) => messages.length > 2);
      return found === undefined
        ? undefined
        : changed(run, found.page, { messages: found.page.messages.toSpliced(1, 1) });
    },
    caught: ["page_hole"],
    // What only this page brought is now missing for good.
    alongside: ["client_incomplete", "client_ack_ahead"],
  },
  {
    name: "a page that starts above the cursor's successor",
    plant: (run, random) => {
      const found = answeredSync(run, random, ({ messages, hasMore }) => messages.length > 2 && hasMore);
      return found === undefined
        ? undefined
        : changed(run, found.page, { messages: found.page.messages.slice(1) });
    },
    caught: ["page_hole"],
    alongside: ["client_incomplete", "client_ack_ahead"],
  },
  {
    name: "a page repeats what the cursor already covers",
    plant: (run, random) => {
      const found = answeredSync(run, random, ({ messages, hasMore }) => messages.length > 0 && !hasMore);
      const first = found?.page.messages[0];
      if (found === undefined || first === undefined) return undefined;
      return changed(run, found.asked, { cursor: first.sequence });
    },
    caught: ["page_outside_range"],
  },
  {
    name: "a page is longer than asked",
    plant: (run, random) => {
      const found = answeredSync(run, random, ({ messages }) => messages.length > 2);
      return found === undefined ? undefined : changed(run, found.asked, { limit: 2 });
    },
    caught: ["page_too_long"],
  },
  {
    name: "next_sequence skips a message",
    plant: (run, random) => {
      const page = anyOf(run, random, "page_received", ({ hasMore }) => hasMore);
      return changed(run, page, { nextSequence: (page?.nextSequence ?? 0) + 1 });
    },
    caught: ["page_next_wrong"],
  },
  {
    name: "next_sequence although nothing follows",
    plant: (run, random) =>
      changed(
        run,
        anyOf(run, random, "page_received", ({ hasMore }) => !hasMore),
        { nextSequence: 5 },
      ),
    caught: ["page_next_wrong"],
  },
  {
    name: "a history page outside its bounds",
    plant: (run, random) => {
      const read = anyOf(
        run,
        random,
        "history_read",
        ({ messages, direction, hasMore }) => messages.length > 1 && direction === "backward" && !hasMore,
      );
      return changed(run, read, { after: read?.messages.at(-1)?.sequence ?? 0 });
    },
    caught: ["page_outside_range"],
  },
  {
    name: "a history page with a hole",
    plant: (run, random) => {
      const read = anyOf(run, random, "history_read", ({ messages }) => messages.length > 2);
      return read === undefined ? undefined : changed(run, read, { messages: read.messages.toSpliced(1, 1) });
    },
    caught: ["page_hole"],
  },
  ...(["own_write_unread", "ack_before_commit"] as const).map(
    (kind): Fault => ({
      name:
        kind === "own_write_unread"
          ? "one's own acknowledged message is not in the next read"
          : "an ack came before its commit",
      plant: (run, random) => {
        const recorded = arrangeHistory(run.events, run.store);
        const ack = anyOf(run, random, "ack_received", (candidate) => {
          const known = recorded.knowledge.before(candidate.chatId, candidate.atMs + 0.0005);
          return known?.event === candidate && candidate.sequence > 1;
        });
        const author = run.events.find(
          (event) => event.kind === "client_started" && event.client === ack?.client,
        );
        if (ack === undefined || author?.kind !== "client_started") return undefined;
        const other = author.userId === "user_2" ? "user_1" : "user_2";
        // user_1 and user_2 are members of every chat for the whole run.
        const userId = kind === "own_write_unread" ? author.userId : other;
        if (!recorded.memberships.surelyMember(ack.chatId, userId, ack.atMs, ack.atMs + 1)) return undefined;
        const seen = run.store.messages.filter(
          (message) => message.chatId === ack.chatId && message.sequence < ack.sequence,
        );
        const after = Math.max(0, ack.sequence - 3);
        return insert(run, {
          kind: "history_read",
          atMs: ack.atMs + 0.0008,
          startedAtMs: ack.atMs + 0.0004,
          userId,
          chatId: ack.chatId,
          direction: "forward",
          after,
          before: null,
          messages: seen
            .filter((message) => message.sequence > after)
            .map(({ messageId, sequence, senderId, content, createdAt }) => ({
              messageId,
              sequence,
              senderId,
              content,
              createdAt,
            })),
          hasMore: false,
        });
      },
      caught: [kind],
    }),
  ),
  {
    name: "a sync sees less than somebody saw before",
    plant: (run, random) => {
      const recorded = arrangeHistory(run.events, run.store);
      const found = answeredSync(run, random, (page) => {
        const asked = run.events.find(
          (event) => event.kind === "sync_started" && event.requestId === page.requestId,
        );
        const known = recorded.knowledge.before(page.chatId, asked?.atMs ?? 0);
        const last = page.messages.at(-1)?.sequence;
        return !page.hasMore && known?.sequence === last && known?.event.kind === "message_pushed";
      });
      return found === undefined
        ? undefined
        : changed(run, found.page, { messages: found.page.messages.slice(0, -1) });
    },
    caught: ["read_went_backwards"],
    alongside: ["client_incomplete", "client_ack_ahead"],
  },
];
