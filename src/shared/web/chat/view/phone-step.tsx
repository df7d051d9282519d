import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { OtpRequested } from "../../../client/rest-types.ts";
import { readPhoneNumber } from "../model/phone-number.ts";
import { Field } from "./field.tsx";
import { useModel } from "./use-store.ts";
import { useTask } from "./use-task.ts";

export function PhoneStep(props: {
  readonly phone: string;
  readonly onPhone: (phone: string) => void;
  readonly onRequested: (requested: OtpRequested) => void;
}): JSX.Element {
  const model = useModel();
  const task = useTask();
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => input.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    const reading = readPhoneNumber(props.phone);
    if (!reading.ok) {
      task.setError(reading.hint);
      return;
    }
    task.run(async () => props.onRequested(await model.rest.requestOtp(reading.number)));
  };
  return (
    <form class="stack" onSubmit={submit} noValidate>
      <p class="muted">Enter your phone number. You will get a code to sign in with.</p>
      <Field
        label="Phone number"
        value={props.phone}
        onValue={props.onPhone}
        hint="With + and the country code"
        error={task.error}
        inputMode="tel"
        autoComplete="tel"
        placeholder="+1 415 555 0100"
        lengthMax={32}
        inputRef={input}
      />
      <button type="submit" class="button button-primary" disabled={task.isRunning}>
        {task.isRunning ? "Sending…" : "Send code"}
      </button>
    </form>
  );
}
