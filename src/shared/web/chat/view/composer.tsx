import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { protocolLimits } from "../../../protocol/protocol-limits.ts";
import { utf8Bytes } from "../../../protocol/utf8-bytes.ts";
import { Icon } from "./icon.tsx";
import { useModel } from "./use-store.ts";

const { contentBytesMax } = protocolLimits;
/** From here on the limit is shown. */
const bytesShownFrom = contentBytesMax - 600;
const heightMaxPx = 180;

/** Enter sends, Shift+Enter begins a new line. */
export function Composer(props: { readonly chatId: string; readonly title: string }): JSX.Element {
  const model = useModel();
  const { chatId } = props;
  const input = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(model.conversation.drafts.get(chatId) ?? "");
  const bytes = utf8Bytes(text);
  const canSend = text.trim() !== "" && bytes <= contentBytesMax;

  useLayoutEffect(() => {
    // A phone's keyboard would cover what one came to read.
    if (matchMedia("(pointer: fine)").matches) input.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const element = input.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, heightMaxPx)}px`;
  }, [text]);

  const write = (value: string): void => {
    setText(value);
    model.conversation.keepDraft(chatId, value);
  };
  const send = (): void => {
    if (!canSend) return;
    try {
      model.conversation.send(chatId, text.trim());
      setText("");
    } catch (error) {
      model.notifyError(error);
    }
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While a word is being composed, Enter belongs to the input method.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={input}
        rows={1}
        value={text}
        placeholder="Message"
        aria-label={`Message to ${props.title}`}
        aria-describedby="composer-limit"
        enterkeyhint="send"
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <button type="submit" class="send" aria-label="Send" disabled={!canSend}>
        <Icon name="send" />
      </button>
      <p id="composer-limit" class={`limit ${bytes > contentBytesMax ? "limit-over" : ""}`} role="status">
        {bytes >= bytesShownFrom &&
          `${bytes.toLocaleString()} of ${contentBytesMax.toLocaleString()} bytes${bytes > contentBytesMax ? ": too long to send" : ""}`}
      </p>
    </form>
  );
}
