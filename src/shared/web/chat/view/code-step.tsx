import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { OtpRequested, VerifiedOtp } from "../../../client/rest-types.ts";
import { hasLocalInbox, readLocalCode } from "../model/local-inbox.ts";
import { Field } from "./field.tsx";
import { useModel } from "./use-store.ts";
import { useTask } from "./use-task.ts";

const codePattern = /^[0-9]{6}$/;

export function CodeStep(props: {
  readonly requested: OtpRequested;
  readonly onBack: () => void;
  readonly onVerified: (verified: VerifiedOtp) => void;
}): JSX.Element {
  const model = useModel();
  const task = useTask();
  const input = useRef<HTMLInputElement>(null);
  const [code, setCode] = useState("");
  const [hasInbox, setHasInbox] = useState(false);
  const { phone_number: phone } = props.requested;
  useLayoutEffect(() => input.current?.focus(), []);
  useEffect(() => void hasLocalInbox().then(setHasInbox), []);

  const enter = (value: string): void => {
    const digits = value.replace(/\D/g, "").slice(0, 6);
    setCode(digits);
    // The sixth digit sends: nothing else is to be decided here.
    if (codePattern.test(digits) && digits !== code) verify(digits);
  };
  const verify = (digits: string): void => {
    if (!codePattern.test(digits)) {
      task.setError("The code has 6 digits.");
      return;
    }
    task.run(async () => props.onVerified(await model.login(phone, digits)));
  };
  const showCode = (): void => {
    task.run(async () => {
      const found = await readLocalCode(phone);
      if (found === undefined) throw new Error("no code for this number is in the local inbox");
      setCode(found);
      input.current?.focus();
    });
  };
  return (
    <form
      class="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        verify(code);
      }}
    >
      <p class="muted">
        We sent a code to <strong class="nowrap">{phone}</strong>.
      </p>
      <Field
        label="Code"
        value={code}
        onValue={enter}
        hint={undefined}
        error={task.error}
        inputMode="numeric"
        autoComplete="one-time-code"
        placeholder="6 digits"
        lengthMax={12}
        inputRef={input}
      />
      <button type="submit" class="button button-primary" disabled={task.isRunning}>
        {task.isRunning ? "Checking…" : "Sign in"}
      </button>
      {hasInbox && (
        <div class="local-code">
          <button type="button" class="button" onClick={showCode} disabled={task.isRunning}>
            Show the code
          </button>
          <p class="field-hint">
            This server is local: codes go to its{" "}
            <a href="/dev/sms" target="_blank" rel="noopener noreferrer">
              SMS inbox
            </a>
            .
          </p>
        </div>
      )}
      <div class="row">
        <button type="button" class="button button-small button-quiet" onClick={props.onBack}>
          Other number
        </button>
        <ResendButton requested={props.requested} />
      </div>
    </form>
  );
}

/** Counts down the wait that the server asks for. */
function ResendButton({ requested }: { readonly requested: OtpRequested }): JSX.Element {
  const model = useModel();
  const task = useTask();
  const [dueMs, setDueMs] = useState(model.nowMs + requested.retry_after_seconds * 1000);
  const [nowMs, setNowMs] = useState(model.nowMs);
  useEffect(() => model.everySecond(() => setNowMs(model.nowMs)), [model]);
  const waitSeconds = Math.ceil((dueMs - nowMs) / 1000);
  const resend = (): void => {
    task.run(async () => {
      const again = await model.rest.requestOtp(requested.phone_number);
      setDueMs(model.nowMs + again.retry_after_seconds * 1000);
    });
  };
  return (
    <button
      type="button"
      class="button button-small button-quiet"
      disabled={task.isRunning || waitSeconds > 0}
      onClick={resend}
    >
      {task.error ?? (waitSeconds > 0 ? `Send again in ${waitSeconds} s` : "Send again")}
    </button>
  );
}
