import type { JSX } from "preact";
import { Icon } from "./icon.tsx";

const colours = 6;

/** A coloured initial; the colour follows from the id and so stays the same. */
export function Avatar(props: {
  readonly id: string;
  readonly name: string;
  readonly isGroup: boolean;
}): JSX.Element {
  const initial = [...props.name].find((character) => /\p{L}/u.test(character));
  return (
    <span class={`avatar avatar-${colourOf(props.id)}`} aria-hidden="true">
      {props.isGroup ? <Icon name="group" /> : (initial?.toLocaleUpperCase() ?? "#")}
    </span>
  );
}

function colourOf(id: string): number {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  return sum % colours;
}
