import type { JSX, RefObject } from "preact";
import { useId } from "preact/hooks";

/** A labelled text field; hint and error are tied to it for screen readers. */
export function Field(props: {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly hint: string | undefined;
  readonly error: string | undefined;
  readonly inputMode: "text" | "tel" | "numeric";
  readonly autoComplete: string;
  readonly placeholder: string;
  readonly lengthMax: number;
  readonly inputRef: RefObject<HTMLInputElement | null> | undefined;
}): JSX.Element {
  const id = useId();
  const described = [
    props.hint === undefined ? undefined : `${id}-hint`,
    props.error === undefined ? undefined : `${id}-error`,
  ].filter((part) => part !== undefined);
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        ref={props.inputRef ?? null}
        type="text"
        inputMode={props.inputMode}
        autoComplete={props.autoComplete}
        placeholder={props.placeholder}
        maxLength={props.lengthMax}
        value={props.value}
        aria-invalid={props.error !== undefined}
        {...(described.length === 0 ? {} : { "aria-describedby": described.join(" ") })}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
      {props.hint !== undefined && (
        <p class="field-hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
      {props.error !== undefined && (
        <p class="field-error" id={`${id}-error`} role="alert">
          {props.error}
        </p>
      )}
    </div>
  );
}
