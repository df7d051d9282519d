/** The SMS inbox that only a local server has: the code is one click away. */
import type { SmsMessage } from "../../sms-document.ts";

export async function hasLocalInbox(): Promise<boolean> {
  try {
    return (await request()).ok;
  } catch {
    return false;
  }
}

/** The newest code for a number, if one has come in. */
export async function readLocalCode(phoneNumber: string): Promise<string | undefined> {
  const response = await request();
  if (!response.ok) return undefined;
  const messages = (await response.json()) as readonly SmsMessage[];
  return messages.find((message) => message.phone_number === phoneNumber)?.otp;
}

function request(): Promise<Response> {
  return fetch("/dev/sms", { headers: { accept: "application/json" } });
}
