import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Conversation, hasReachedStart, newestSequence } from "../model/conversation.ts";
import { type MessageEntry, messageEntries } from "../model/message-entries.ts";
import type { People } from "../model/people.ts";
import { dayText } from "../model/time-text.ts";
import { Icon } from "./icon.tsx";
import { MessageRow, OutgoingRow } from "./message-row.tsx";
import { useAppState, useModel } from "./use-store.ts";

/** This close to the bottom new messages keep the view there. */
const bottomSlackPx = 80;
/** This close to the top older messages are fetched. */
const topSlackPx = 400;

interface Anchor {
  readonly firstSequence: number;
  readonly height: number;
}

/** The scrolled messages: stays at the bottom when it is there, and in place when older ones come in above. */
export function MessageList(props: {
  readonly conversation: Conversation;
  readonly isGroup: boolean;
}): JSX.Element {
  const model = useModel();
  const { conversation } = props;
  const { chatId, messages, outgoing } = conversation;
  const userId = useAppState((state) => state.me?.user_id);
  const people = useAppState((state) => state.people);
  const scroller = useRef<HTMLDivElement>(null);
  const isAtBottom = useRef(true);
  const anchor = useRef<Anchor>({ firstSequence: 0, height: 0 });
  const ownCount = useRef(outgoing.length);
  const [isAway, setAway] = useState(false);
  const [seenSequence, setSeenSequence] = useState(0);

  const newest = newestSequence(conversation);
  const firstSequence = messages[0]?.sequence ?? 0;

  const toBottom = (): void => {
    const element = scroller.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  };
  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) return;
    isAtBottom.current = element.scrollHeight - element.scrollTop - element.clientHeight <= bottomSlackPx;
    setAway(!isAtBottom.current);
    if (isAtBottom.current) see();
    if (element.scrollTop < topSlackPx && conversation.loading === undefined) {
      void model.conversation.loadOlder(chatId);
    }
  };
  const see = (): void => {
    setSeenSequence(newest);
    if (!document.hidden) model.conversation.markRead(chatId);
  };

  // Runs when what is listed has changed.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const before = anchor.current;
    const wroteOne = outgoing.length > ownCount.current;
    ownCount.current = outgoing.length;
    if (before.firstSequence > 0 && firstSequence < before.firstSequence && !isAtBottom.current) {
      element.scrollTop += element.scrollHeight - before.height;
    } else if (isAtBottom.current || wroteOne) {
      toBottom();
      isAtBottom.current = true;
      see();
    }
    anchor.current = { firstSequence, height: element.scrollHeight };
    // A page shorter than the view cannot be scrolled: fetch the next one.
    if (element.scrollHeight <= element.clientHeight + topSlackPx && firstSequence > 1) {
      if (conversation.loading === undefined && conversation.loadFailure === undefined) {
        void model.conversation.loadOlder(chatId);
      }
    }
  }, [messages, outgoing, conversation.loading]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    // A keyboard that opens or a longer draft makes the view smaller: the newest message stays in it.
    const observer = new ResizeObserver(() => {
      if (isAtBottom.current) toBottom();
    });
    observer.observe(element);
    const onVisible = (): void => {
      if (!document.hidden && isAtBottom.current) model.conversation.markRead(chatId);
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      observer.disconnect();
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [model, chatId]);

  const entries = messageEntries(conversation, userId);
  const unseen = Math.max(0, newest - seenSequence);
  return (
    <div class="messages-frame">
      <section
        class="messages"
        ref={scroller}
        onScroll={onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll what has the focus.
        tabIndex={0}
        aria-label="Messages"
      >
        <ListHead conversation={conversation} onRetry={() => void model.conversation.loadOlder(chatId)} />
        <ol class="message-rows">
          {entries.map((entry) => (
            <EntryRow
              key={entry.key}
              entry={entry}
              chatId={chatId}
              deliveredUpTo={conversation.deliveredUpTo}
              isGroup={props.isGroup}
              people={people}
            />
          ))}
        </ol>
      </section>
      {isAway && (
        <button
          type="button"
          class="jump"
          onClick={() => {
            toBottom();
            onScroll();
          }}
        >
          <Icon name="down" />
          {unseen > 0 ? `${unseen} new` : "Newest"}
          <span class="visually-hidden"> messages: go to the bottom</span>
        </button>
      )}
    </div>
  );
}

function EntryRow(props: {
  readonly entry: MessageEntry;
  readonly chatId: string;
  readonly deliveredUpTo: number;
  readonly isGroup: boolean;
  readonly people: People;
}): JSX.Element {
  const model = useModel();
  const { entry } = props;
  switch (entry.kind) {
    case "day":
      return (
        <li class="day">
          <span>{dayText(entry.timeMs, model.nowMs)}</span>
        </li>
      );
    case "unread":
      return (
        <li class="unread-line">
          <span>New messages</span>
        </li>
      );
    case "message":
      return (
        <MessageRow
          message={entry.message}
          isOwn={entry.isOwn}
          isFirst={entry.isFirst}
          isLast={entry.isLast}
          isDelivered={entry.message.sequence <= props.deliveredUpTo}
          showsSender={props.isGroup && !entry.isOwn}
          people={props.people}
        />
      );
    case "outgoing":
      return <OutgoingRow chatId={props.chatId} outgoing={entry.outgoing} isFirst={entry.isFirst} />;
    default: {
      const exhaustive: never = entry;
      return exhaustive;
    }
  }
}

function ListHead(props: { readonly conversation: Conversation; readonly onRetry: () => void }): JSX.Element {
  const { loading, loadFailure, messages, outgoing } = props.conversation;
  if (loadFailure !== undefined) {
    return (
      <div class="list-head" role="alert">
        <p>{loadFailure}</p>
        <button type="button" class="button button-small" onClick={props.onRetry}>
          Load again
        </button>
      </div>
    );
  }
  if (loading !== undefined) return <p class="list-head">Loading…</p>;
  if (messages.length + outgoing.length === 0) return <p class="list-head">No messages yet. Say hello.</p>;
  return hasReachedStart(props.conversation) ? (
    <p class="list-head">This is the beginning of the chat.</p>
  ) : (
    <p class="list-head" />
  );
}
