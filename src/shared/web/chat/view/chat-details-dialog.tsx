import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { isMuted } from "../model/chat-summary.ts";
import { personName } from "../model/people.ts";
import { goToList } from "../route.ts";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";
import { MemberRow } from "./member-row.tsx";
import { useAppState, useModel } from "./use-store.ts";
import { useTask } from "./use-task.ts";

/** Members and roles of a group, and what the own role allows; mute in every chat. */
export function ChatDetailsDialog(props: {
  readonly chatId: string;
  readonly title: string;
  readonly onClose: () => void;
}): JSX.Element {
  const model = useModel();
  const task = useTask();
  const { chatId } = props;
  const chat = useAppState((state) => state.chats.get(chatId));
  const detail = useAppState((state) => state.conversations.get(chatId)?.detail);
  const me = useAppState((state) => state.me);
  const people = useAppState((state) => state.people);
  useEffect(() => void model.conversation.loadDetail(chatId), [model, chatId]);
  const role = detail?.my_membership.role ?? "member";
  const isGroup = chat?.type === "group";
  const muted = chat !== undefined && isMuted(chat, model.nowMs);
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <div class="stack">
        {isGroup && role !== "member" && <RenameForm chatId={chatId} name={chat.name ?? ""} />}
        <ul class="members" aria-label="Members">
          {(detail?.members ?? []).map((member) => (
            <MemberRow
              key={member.user_id}
              name={personName(people, member.user_id)}
              member={member}
              isMe={member.user_id === me?.user_id}
              myRole={isGroup ? role : "member"}
              isBusy={task.isRunning}
              showsRole={isGroup}
              onRole={(next) => task.run(() => model.actions.changeRole(chatId, member.user_id, next))}
              onRemove={() => task.run(() => model.actions.removeMember(chatId, member.user_id))}
            />
          ))}
        </ul>
        {isGroup && role !== "member" && <AddMemberForm chatId={chatId} />}
        {task.error !== undefined && (
          <p class="field-error" role="alert">
            {task.error}
          </p>
        )}
        <div class="dialog-actions">
          <button
            type="button"
            class="button"
            aria-pressed={muted}
            disabled={task.isRunning}
            onClick={() => task.run(() => model.actions.setMuted(chatId, !muted))}
          >
            {muted ? "Unmute" : "Mute"}
          </button>
          {isGroup && role !== "owner" && (
            <button
              type="button"
              class="button button-danger"
              disabled={task.isRunning}
              onClick={() =>
                task.run(async () => {
                  await model.actions.leave(chatId);
                  props.onClose();
                  goToList();
                })
              }
            >
              Leave group
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

function RenameForm(props: { readonly chatId: string; readonly name: string }): JSX.Element {
  const model = useModel();
  const task = useTask();
  const [name, setName] = useState(props.name);
  const submit = (event: Event): void => {
    event.preventDefault();
    const trimmed = name.trim();
    if (trimmed === "") {
      task.setError("A group needs a name.");
      return;
    }
    task.run(() => model.actions.renameChat(props.chatId, trimmed));
  };
  return (
    <form class="with-button" onSubmit={submit} noValidate>
      <Field
        label="Group name"
        value={name}
        onValue={setName}
        hint={undefined}
        error={task.error}
        inputMode="text"
        autoComplete="off"
        placeholder=""
        lengthMax={128}
        inputRef={undefined}
      />
      <button type="submit" class="button" disabled={task.isRunning || name.trim() === props.name}>
        Rename
      </button>
    </form>
  );
}

function AddMemberForm({ chatId }: { readonly chatId: string }): JSX.Element {
  const model = useModel();
  const task = useTask();
  const [phone, setPhone] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    task.run(async () => {
      const problem = await model.actions.addMember(chatId, phone);
      task.setError(problem);
      if (problem === undefined) setPhone("");
    });
  };
  return (
    <form class="with-button" onSubmit={submit} noValidate>
      <Field
        label="Add by phone number"
        value={phone}
        onValue={setPhone}
        hint={undefined}
        error={task.error}
        inputMode="tel"
        autoComplete="off"
        placeholder="+1 415 555 0100"
        lengthMax={32}
        inputRef={undefined}
      />
      <button type="submit" class="button" disabled={task.isRunning}>
        Add
      </button>
    </form>
  );
}
