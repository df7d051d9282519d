import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { personName } from "../model/people.ts";
import { Avatar } from "./avatar.tsx";
import { ChatList } from "./chat-list.tsx";
import { ConnectionBadge } from "./connection-badge.tsx";
import { Icon } from "./icon.tsx";
import { NewChatDialog } from "./new-chat-dialog.tsx";
import { NewGroupDialog } from "./new-group-dialog.tsx";
import { ProfileDialog } from "./profile-dialog.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";
import { useAppState } from "./use-store.ts";

type OpenDialog = "chat" | "group" | "profile" | undefined;

export function Sidebar(): JSX.Element {
  const me = useAppState((state) => state.me);
  const people = useAppState((state) => state.people);
  const [dialog, setDialog] = useState<OpenDialog>(undefined);
  const close = (): void => setDialog(undefined);
  const name = me === undefined ? "" : (me.display_name ?? personName(people, me.user_id));
  return (
    <nav class="sidebar" aria-label="Chats">
      <header class="sidebar-header">
        <button type="button" class="profile-button" onClick={() => setDialog("profile")}>
          <Avatar id={me?.user_id ?? ""} name={name} isGroup={false} />
          <span class="profile-text">
            <span class="profile-name">{me?.display_name ?? me?.phone_number ?? "You"}</span>
            <span class="visually-hidden">: profile and sign out</span>
          </span>
        </button>
        <ThemeToggle />
      </header>
      <ConnectionBadge />
      <div class="sidebar-actions">
        <button type="button" class="button button-primary" onClick={() => setDialog("chat")}>
          <Icon name="plus" /> New chat
        </button>
        <button type="button" class="button" onClick={() => setDialog("group")}>
          <Icon name="group" /> New group
        </button>
      </div>
      <ChatList />
      {dialog === "chat" && <NewChatDialog onClose={close} />}
      {dialog === "group" && <NewGroupDialog onClose={close} />}
      {dialog === "profile" && <ProfileDialog onClose={close} />}
    </nav>
  );
}
