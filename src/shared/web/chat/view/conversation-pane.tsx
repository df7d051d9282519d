import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type ChatSummary, chatTitle } from "../model/chat-summary.ts";
import { emptyConversation } from "../model/conversation.ts";
import { type People, personName } from "../model/people.ts";
import { goToList, hashOfChat } from "../route.ts";
import { Avatar } from "./avatar.tsx";
import { ChatDetailsDialog } from "./chat-details-dialog.tsx";
import { Composer } from "./composer.tsx";
import { Icon } from "./icon.tsx";
import { MessageList } from "./message-list.tsx";
import { useAppState } from "./use-store.ts";

export function ConversationPane({ chatId }: { readonly chatId: string }): JSX.Element {
  const chat = useAppState((state) => state.chats.get(chatId));
  const areLoaded = useAppState((state) => state.areChatsLoaded);
  if (chat !== undefined) return <OpenConversation chat={chat} />;
  return (
    <section class="pane pane-empty" aria-label="No chat is open">
      <p>{areLoaded ? "This chat is not there, or you are not a member of it any more." : "Loading…"}</p>
      <a href="#/">Back to the chats</a>
    </section>
  );
}

function OpenConversation({ chat }: { readonly chat: ChatSummary }): JSX.Element {
  const { chatId } = chat;
  const conversation = useAppState((state) => state.conversations.get(chatId)) ?? emptyConversation(chatId);
  const people = useAppState((state) => state.people);
  const link = useAppState((state) => state.link);
  const [areDetailsOpen, setDetailsOpen] = useState(false);
  const title = chatTitle(chat, people);
  const typing = conversation.typingUserIds.map((userId) => personName(people, userId));

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.defaultPrevented || areDetailsOpen) return;
    goToList();
    document.querySelector<HTMLElement>(`.chat-item[href="${hashOfChat(chatId)}"]`)?.focus();
  };
  return (
    <main class="pane" aria-label={title} onKeyDown={onKeyDown}>
      <header class="pane-header">
        <a class="icon-button back" href="#/" aria-label="Back to the chats">
          <Icon name="back" />
        </a>
        <button type="button" class="pane-title" onClick={() => setDetailsOpen(true)}>
          <Avatar id={chat.otherUserId ?? chatId} name={title} isGroup={chat.type === "group"} />
          <span class="pane-names">
            <h2>{title}</h2>
            <span class="pane-subtitle">
              {typing.length > 0 ? typingText(typing) : subtitle(chat, title, people)}
            </span>
          </span>
          <span class="visually-hidden">: details</span>
        </button>
      </header>
      {(link === "offline" || link === "reconnecting") && (
        <p class="banner banner-offline" role="status">
          {link === "offline" ? "You are offline." : "Reconnecting…"} What you write is kept and sent as soon
          as the connection is back.
        </p>
      )}
      <MessageList conversation={conversation} isGroup={chat.type === "group"} />
      <Composer chatId={chatId} title={title} />
      {areDetailsOpen && (
        <ChatDetailsDialog chatId={chatId} title={title} onClose={() => setDetailsOpen(false)} />
      )}
    </main>
  );
}

function subtitle(chat: ChatSummary, title: string, people: People): string {
  if (chat.type === "group") return `${chat.memberCount} members`;
  const number = chat.otherUserId === undefined ? undefined : people.get(chat.otherUserId)?.phoneNumber;
  return number === undefined || number === title ? "Direct chat" : number;
}

function typingText(names: readonly string[]): string {
  if (names.length === 1) return `${names[0]} is typing…`;
  return names.length === 2
    ? `${names[0]} and ${names[1]} are typing…`
    : `${names.length} people are typing…`;
}
