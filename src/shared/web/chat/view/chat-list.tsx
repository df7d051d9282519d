import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { inListOrder } from "../model/chat-summary.ts";
import { ChatListItem } from "./chat-list-item.tsx";
import { useAppState } from "./use-store.ts";

/** One stop of the Tab key; arrows, Home and End move within. */
export function ChatList(): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  const chats = useAppState((state) => state.chats);
  const openChatId = useAppState((state) => state.openChatId);
  const areLoaded = useAppState((state) => state.areChatsLoaded);
  const ordered = useMemo(() => inListOrder(chats), [chats]);
  const tabStop = openChatId !== undefined && chats.has(openChatId) ? openChatId : ordered[0]?.chatId;

  const move = (event: KeyboardEvent): void => {
    const links = [...(list.current?.querySelectorAll<HTMLAnchorElement>("a") ?? [])];
    const index = links.findIndex((link) => link.matches(":focus"));
    const target = {
      ArrowDown: Math.min(index + 1, links.length - 1),
      ArrowUp: Math.max(index - 1, 0),
      Home: 0,
      End: links.length - 1,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    links[target]?.focus();
  };

  if (ordered.length === 0) {
    return (
      <p class="list-empty">
        {areLoaded ? "No chats yet. Start one with somebody's phone number." : "Loading chats…"}
      </p>
    );
  }
  return (
    <ul class="chat-list" ref={list} onKeyDown={move}>
      {ordered.map((chat) => (
        <ChatListItem
          key={chat.chatId}
          chat={chat}
          isOpen={chat.chatId === openChatId}
          isTabStop={chat.chatId === tabStop}
        />
      ))}
    </ul>
  );
}
