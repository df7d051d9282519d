import type { JSX } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { unreadCount } from "../model/chat-summary.ts";
import { chatIdOfHash } from "../route.ts";
import { ConversationPane } from "./conversation-pane.tsx";
import { Icon } from "./icon.tsx";
import { Sidebar } from "./sidebar.tsx";
import { useAppState, useModel } from "./use-store.ts";

/** The list beside the open chat; on a phone one of the two, as the address says. */
export function ChatScreen(): JSX.Element {
  const model = useModel();
  const openChatId = useAppState((state) => state.openChatId);
  const announcement = useAppState((state) => state.announcement);
  const unread = useAppState((state) =>
    [...state.chats.values()].reduce((sum, chat) => sum + unreadCount(chat), 0),
  );
  useLayoutEffect(() => {
    const followAddress = (): void => model.conversation.open(chatIdOfHash(location.hash));
    followAddress();
    addEventListener("hashchange", followAddress);
    return () => removeEventListener("hashchange", followAddress);
  }, [model]);
  useEffect(() => {
    document.title = unread === 0 ? "Triplane" : `(${unread}) Triplane`;
  }, [unread]);
  return (
    <div class={`screen ${openChatId === undefined ? "screen-list" : "screen-chat"}`}>
      <Sidebar />
      {openChatId === undefined ? <EmptyPane /> : <ConversationPane key={openChatId} chatId={openChatId} />}
      <NoticeBar />
      <p class="visually-hidden" role="status">
        {announcement}
      </p>
    </div>
  );
}

function EmptyPane(): JSX.Element {
  return (
    <section class="pane pane-empty" aria-label="No chat is open">
      <Icon name="chat" />
      <p>Choose a chat, or start a new one.</p>
    </section>
  );
}

function NoticeBar(): JSX.Element | null {
  const model = useModel();
  const notice = useAppState((state) => state.notice);
  useEffect(() => {
    if (notice === undefined) return;
    return model.after(6000, () => model.notify(undefined));
  }, [model, notice]);
  if (notice === undefined) return null;
  return (
    <div class={`notice notice-${notice.kind}`} role={notice.kind === "error" ? "alert" : "status"}>
      <span>{notice.text}</span>
      <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => model.notify(undefined)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
