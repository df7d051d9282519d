import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";
import { useAppState, useModel } from "./use-store.ts";
import { useTask } from "./use-task.ts";

/** One's own name, and the way out. */
export function ProfileDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const model = useModel();
  const task = useTask();
  const me = useAppState((state) => state.me);
  const [name, setName] = useState(me?.display_name ?? "");
  const submit = (event: Event): void => {
    event.preventDefault();
    const trimmed = name.trim();
    if (trimmed === "") {
      task.setError("A name has at least one character.");
      return;
    }
    task.run(async () => {
      await model.rename(trimmed);
      onClose();
    });
  };
  return (
    <Dialog title="Your profile" onClose={onClose}>
      <form class="stack" onSubmit={submit} noValidate>
        <p class="muted">
          Signed in with <strong class="nowrap">{me?.phone_number}</strong>
        </p>
        <Field
          label="Your name"
          value={name}
          onValue={setName}
          hint={undefined}
          error={task.error}
          inputMode="text"
          autoComplete="name"
          placeholder="Ada"
          lengthMax={64}
          inputRef={undefined}
        />
        <div class="dialog-actions">
          <button type="button" class="button button-danger" onClick={() => task.run(() => model.logout())}>
            Sign out
          </button>
          <button type="submit" class="button button-primary" disabled={task.isRunning}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
