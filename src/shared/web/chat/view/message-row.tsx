import type { JSX } from "preact";
import type { Outgoing, ShownMessage } from "../model/conversation.ts";
import { type People, personName } from "../model/people.ts";
import { exactTime, timeOfDay } from "../model/time-text.ts";
import { Icon, type IconName } from "./icon.tsx";
import { MessageText } from "./message-text.tsx";
import { useModel } from "./use-store.ts";

export function MessageRow(props: {
  readonly message: ShownMessage;
  readonly isOwn: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly isDelivered: boolean;
  readonly showsSender: boolean;
  readonly people: People;
}): JSX.Element {
  const { message, isOwn } = props;
  const timeMs = Date.parse(message.created_at);
  const sender = personName(props.people, message.sender_id);
  return (
    <li
      class={rowClass({ isOwn, isFirst: props.isFirst, isLast: props.isLast, hasFailed: false })}
      data-sequence={message.sequence}
    >
      {props.showsSender && props.isFirst && <span class="sender">{sender}</span>}
      <div class="bubble">
        <span class="visually-hidden">{isOwn ? "You: " : `${sender}: `}</span>
        <MessageText text={message.content} />
        <span class="meta">
          <time dateTime={message.created_at} title={exactTime(timeMs)}>
            {timeOfDay(timeMs)}
          </time>
          {isOwn && <Mark state={props.isDelivered ? "delivered" : "sent"} />}
        </span>
      </div>
    </li>
  );
}

/** A message of one's own that is not stored on the server yet, or never will be. */
export function OutgoingRow(props: {
  readonly chatId: string;
  readonly outgoing: Outgoing;
  readonly isFirst: boolean;
}): JSX.Element {
  const model = useModel();
  const { chatId, outgoing } = props;
  const hasFailed = outgoing.failure !== undefined;
  return (
    <li class={rowClass({ isOwn: true, isFirst: props.isFirst, isLast: true, hasFailed })}>
      <div class="bubble">
        <span class="visually-hidden">You: </span>
        <MessageText text={outgoing.content} />
        <span class="meta">
          <time dateTime={new Date(outgoing.createdAtMs).toISOString()}>
            {timeOfDay(outgoing.createdAtMs)}
          </time>
          <Mark state={hasFailed ? "failed" : "sending"} />
        </span>
      </div>
      {hasFailed && (
        <div class="failure" role="alert">
          <span>Not sent. {outgoing.failure}</span>
          <button
            type="button"
            class="button button-small"
            onClick={() => model.conversation.retry(chatId, outgoing.clientMessageId)}
          >
            Retry
          </button>
          <button
            type="button"
            class="button button-small button-quiet"
            onClick={() => model.conversation.discard(chatId, outgoing.clientMessageId)}
          >
            Discard
          </button>
        </div>
      )}
    </li>
  );
}

type MarkState = "sending" | "sent" | "delivered" | "failed";

const marks: Readonly<Record<MarkState, { readonly icon: IconName; readonly label: string }>> = {
  sending: { icon: "clock", label: "Sending" },
  sent: { icon: "check", label: "Sent" },
  delivered: { icon: "checks", label: "Delivered" },
  failed: { icon: "alert", label: "Not sent" },
};

function Mark({ state }: { readonly state: MarkState }): JSX.Element {
  const { icon, label } = marks[state];
  return (
    <span class={`mark mark-${state}`} title={label}>
      <Icon name={icon} />
      <span class="visually-hidden">{label}</span>
    </span>
  );
}

function rowClass(row: {
  readonly isOwn: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly hasFailed: boolean;
}): string {
  return [
    "message",
    row.isOwn ? "own" : "other",
    row.isFirst && "first",
    row.isLast && "last",
    row.hasFailed && "failed",
  ]
    .filter(Boolean)
    .join(" ");
}
