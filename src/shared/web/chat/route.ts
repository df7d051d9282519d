/** The open chat stands in the address, so that Back, reload and links do what they should. */
const prefix = "#/chat/";

export function chatIdOfHash(hash: string): string | undefined {
  const chatId = hash.startsWith(prefix) ? hash.slice(prefix.length) : "";
  return /^[0-9A-Za-z_]{1,50}$/.test(chatId) ? chatId : undefined;
}

export function hashOfChat(chatId: string): string {
  return `${prefix}${chatId}`;
}

export function goToChat(chatId: string): void {
  location.hash = hashOfChat(chatId);
}

/** From one chat to another the list is not passed again: it takes the place of the chat. */
export function goToList(): void {
  location.hash = "#/";
}
