import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { personName } from "../model/people.ts";
import { readPhoneNumber } from "../model/phone-number.ts";
import { goToChat } from "../route.ts";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";
import { Icon } from "./icon.tsx";
import { useAppState, useModel } from "./use-store.ts";
import { useTask } from "./use-task.ts";

/** A group of people known from direct chats and of others by number. */
export function NewGroupDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const model = useModel();
  const task = useTask();
  const nameInput = useRef<HTMLInputElement>(null);
  const chats = useAppState((state) => state.chats);
  const people = useAppState((state) => state.people);
  const [name, setName] = useState("");
  const [phone, setPhone] = useState("");
  const [phoneError, setPhoneError] = useState<string | undefined>(undefined);
  const [numbers, setNumbers] = useState<readonly string[]>([]);
  const [userIds, setUserIds] = useState<readonly string[]>([]);
  useLayoutEffect(() => nameInput.current?.focus(), []);
  const known = [...chats.values()].flatMap((chat) =>
    chat.otherUserId === undefined ? [] : [chat.otherUserId],
  );

  /** @returns the numbers with the one in the field, or undefined if that is none */
  const withTyped = (): readonly string[] | undefined => {
    if (phone.trim() === "") return numbers;
    const reading = readPhoneNumber(phone);
    if (!reading.ok) {
      setPhoneError(reading.hint);
      return undefined;
    }
    setPhoneError(undefined);
    setPhone("");
    const all = [...new Set([...numbers, reading.number])];
    setNumbers(all);
    return all;
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const all = withTyped();
    if (all === undefined) return;
    if (name.trim() === "") {
      task.setError("Give the group a name.");
      return;
    }
    if (all.length + userIds.length === 0) {
      task.setError("Add at least one person.");
      return;
    }
    task.run(async () => {
      const result = await model.actions.createGroup(name.trim(), userIds, all);
      if (result.ok) {
        onClose();
        goToChat(result.chatId);
      } else {
        task.setError(`Nobody with ${result.notFound.join(", ")} is here yet.`);
      }
    });
  };
  return (
    <Dialog title="New group" onClose={onClose}>
      <form class="stack" onSubmit={submit} noValidate>
        <Field
          label="Group name"
          value={name}
          onValue={setName}
          hint={undefined}
          error={undefined}
          inputMode="text"
          autoComplete="off"
          placeholder="Weekend plans"
          lengthMax={128}
          inputRef={nameInput}
        />
        {known.length > 0 && (
          <fieldset class="choices">
            <legend>People you know</legend>
            {known.map((userId) => (
              <label key={userId} class="choice">
                <input
                  type="checkbox"
                  checked={userIds.includes(userId)}
                  onChange={() =>
                    setUserIds((before) =>
                      before.includes(userId) ? before.filter((id) => id !== userId) : [...before, userId],
                    )
                  }
                />
                {personName(people, userId)}
              </label>
            ))}
          </fieldset>
        )}
        <div class="with-button">
          <Field
            label="Add by phone number"
            value={phone}
            onValue={setPhone}
            hint={undefined}
            error={phoneError}
            inputMode="tel"
            autoComplete="off"
            placeholder="+1 415 555 0100"
            lengthMax={32}
            inputRef={undefined}
          />
          <button type="button" class="button" onClick={withTyped}>
            Add
          </button>
        </div>
        {numbers.length > 0 && (
          <ul class="chips" aria-label="Numbers to add">
            {numbers.map((number) => (
              <li key={number} class="chip">
                {number}
                <button
                  type="button"
                  class="icon-button"
                  aria-label={`Take out ${number}`}
                  onClick={() => setNumbers((before) => before.filter((other) => other !== number))}
                >
                  <Icon name="close" />
                </button>
              </li>
            ))}
          </ul>
        )}
        {task.error !== undefined && (
          <p class="field-error" role="alert">
            {task.error}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-primary" disabled={task.isRunning}>
            {task.isRunning ? "Creating…" : "Create group"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
