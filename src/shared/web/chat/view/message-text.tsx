import type { JSX } from "preact";

const link = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}']/g;

/** Text as it was written, with web addresses to click. */
export function MessageText({ text }: { readonly text: string }): JSX.Element {
  const parts: (string | JSX.Element)[] = [];
  let end = 0;
  for (const match of text.matchAll(link)) {
    parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    parts.push(
      <a key={match.index} href={match[0]} target="_blank" rel="noopener noreferrer">
        {match[0]}
      </a>,
    );
  }
  parts.push(text.slice(end));
  return (
    <span class="text" dir="auto">
      {parts}
    </span>
  );
}
