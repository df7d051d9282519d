import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { readPhoneNumber } from "../model/phone-number.ts";
import { goToChat } from "../route.ts";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";
import { useModel } from "./use-store.ts";
import { useTask } from "./use-task.ts";

/** A direct chat with whoever has a number; the existing one if there is one. */
export function NewChatDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const model = useModel();
  const task = useTask();
  const input = useRef<HTMLInputElement>(null);
  const [phone, setPhone] = useState("");
  useLayoutEffect(() => input.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    const reading = readPhoneNumber(phone);
    if (!reading.ok) {
      task.setError(reading.hint);
      return;
    }
    if (reading.number === model.store.state.me?.phone_number) {
      task.setError("That is your own number.");
      return;
    }
    task.run(async () => {
      const chatId = await model.actions.startDirectChat(reading.number);
      if (chatId === undefined) {
        task.setError(`Nobody with the number ${reading.number} is here yet.`);
        return;
      }
      onClose();
      goToChat(chatId);
    });
  };
  return (
    <Dialog title="New chat" onClose={onClose}>
      <form class="stack" onSubmit={submit} noValidate>
        <Field
          label="Phone number"
          value={phone}
          onValue={setPhone}
          hint="The number they signed in with, with the country code"
          error={task.error}
          inputMode="tel"
          autoComplete="off"
          placeholder="+1 415 555 0100"
          lengthMax={32}
          inputRef={input}
        />
        <div class="dialog-actions">
          <button type="button" class="button button-quiet" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-primary" disabled={task.isRunning}>
            {task.isRunning ? "Looking…" : "Start chat"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
