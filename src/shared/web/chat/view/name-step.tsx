import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { VerifiedOtp } from "../../../client/rest-types.ts";
import { Field } from "./field.tsx";
import { useModel } from "./use-store.ts";
import { useTask } from "./use-task.ts";

/** Optional: whoever has no name is shown by number to those who know it. */
export function NameStep({ user }: { readonly user: VerifiedOtp["user"] }): JSX.Element {
  const model = useModel();
  const task = useTask();
  const input = useRef<HTMLInputElement>(null);
  const [name, setName] = useState("");
  useLayoutEffect(() => input.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    const trimmed = name.trim();
    if (trimmed === "") {
      model.enterAs(user);
      return;
    }
    task.run(async () => model.enterAs(await model.rename(trimmed)));
  };
  return (
    <form class="stack" onSubmit={submit} noValidate>
      <p class="muted">How should others see you?</p>
      <Field
        label="Your name"
        value={name}
        onValue={setName}
        hint="You can change it at any time."
        error={task.error}
        inputMode="text"
        autoComplete="name"
        placeholder="Ada"
        lengthMax={64}
        inputRef={input}
      />
      <button type="submit" class="button button-primary" disabled={task.isRunning}>
        {name.trim() === "" ? "Skip" : "Continue"}
      </button>
    </form>
  );
}
