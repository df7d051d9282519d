import type { JSX } from "preact";
import { type ChatSummary, chatTitle, isMuted, unreadCount } from "../model/chat-summary.ts";
import { type People, personName } from "../model/people.ts";
import { exactTime, shortTime } from "../model/time-text.ts";
import { hashOfChat } from "../route.ts";
import { Avatar } from "./avatar.tsx";
import { Icon } from "./icon.tsx";
import { useAppState, useModel } from "./use-store.ts";

export function ChatListItem(props: {
  readonly chat: ChatSummary;
  readonly isOpen: boolean;
  readonly isTabStop: boolean;
}): JSX.Element {
  const model = useModel();
  const { chat } = props;
  const people = useAppState((state) => state.people);
  const userId = useAppState((state) => state.me?.user_id);
  const title = chatTitle(chat, people);
  const last = chat.lastMessage;
  const timeMs = Date.parse(last?.createdAt ?? chat.createdAt);
  return (
    <li>
      <a
        class="chat-item"
        href={hashOfChat(chat.chatId)}
        aria-current={props.isOpen ? "page" : undefined}
        tabIndex={props.isTabStop ? 0 : -1}
      >
        <Avatar id={chat.otherUserId ?? chat.chatId} name={title} isGroup={chat.type === "group"} />
        <span class="chat-item-text">
          <span class="chat-item-row">
            <span class="chat-item-title">{title}</span>
            <time
              class="chat-item-time"
              dateTime={last?.createdAt ?? chat.createdAt}
              title={exactTime(timeMs)}
            >
              {shortTime(timeMs, model.nowMs)}
            </time>
          </span>
          <span class="chat-item-row">
            <span class="chat-item-preview">
              {last === undefined ? "No messages yet" : previewText(chat, last, people, userId)}
            </span>
            <Marks isMuted={isMuted(chat, model.nowMs)} unread={unreadCount(chat)} />
          </span>
        </span>
      </a>
    </li>
  );
}

function Marks(props: { readonly isMuted: boolean; readonly unread: number }): JSX.Element {
  return (
    <span class="chat-item-marks">
      {props.isMuted && (
        <>
          <Icon name="muted" />
          <span class="visually-hidden">Muted</span>
        </>
      )}
      {props.unread > 0 && (
        <span class={`unread ${props.isMuted ? "unread-muted" : ""}`}>
          {props.unread > 999 ? "999+" : props.unread}
          <span class="visually-hidden"> unread</span>
        </span>
      )}
    </span>
  );
}

function previewText(
  chat: ChatSummary,
  last: NonNullable<ChatSummary["lastMessage"]>,
  people: People,
  userId: string | undefined,
): string {
  if (last.senderId === userId) return `You: ${last.preview}`;
  return chat.type === "direct" ? last.preview : `${personName(people, last.senderId)}: ${last.preview}`;
}
