/** What a message's text says about its sender's intentions. Pure, linear in the text, cheap for ordinary text. */

export type ContentSignal = "many_urls" | "one_character";

const urlsMax = 5;
const oneCharacterLengthMin = 20;
const oneCharacterShare = 0.9;

/** More than five URLs; at least 20 characters of which more than 90 % are the same one. */
export function contentSignals(content: string): readonly ContentSignal[] {
  const manyUrls = hasManyUrls(content);
  const oneCharacter = isOneCharacter(content);
  if (!manyUrls && !oneCharacter) return none;
  return [
    ...(manyUrls ? (["many_urls"] as const) : []),
    ...(oneCharacter ? (["one_character"] as const) : []),
  ];
}

const none: readonly ContentSignal[] = [];

function hasManyUrls(content: string): boolean {
  if (!content.includes("://") && !/www\./i.test(content)) return false;
  const urls = content.match(/\bhttps?:\/\/\S|(?<![/\w.])www\.\S/gi);
  return (urls?.length ?? 0) > urlsMax;
}

/** The majority vote of Boyer and Moore finds the only candidate, a second pass counts it. Characters are code points. */
function isOneCharacter(content: string): boolean {
  if (content.length < oneCharacterLengthMin) return false;
  let candidate = 0;
  let lead = 0;
  let length = 0;
  for (let at = 0; at < content.length; length += 1) {
    const point = content.codePointAt(at) as number;
    at += point > 0xff_ff ? 2 : 1;
    if (lead === 0) candidate = point;
    lead += point === candidate ? 1 : -1;
  }
  if (length < oneCharacterLengthMin || lead === 0) return false;
  let count = 0;
  for (let at = 0; at < content.length; ) {
    const point = content.codePointAt(at) as number;
    at += point > 0xff_ff ? 2 : 1;
    if (point === candidate) count += 1;
  }
  return count > length * oneCharacterShare;
}
