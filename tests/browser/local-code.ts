/** The newest login code for a number, from the server's SMS inbox. @throws {Error} there is none */
export async function readLocalCode(url: string, phoneNumber: string): Promise<string> {
  const response = await fetch(`${url}/dev/sms`, { headers: { accept: "application/json" } });
  const messages = (await response.json()) as readonly { phone_number: string; otp: string }[];
  const found = messages.find((message) => message.phone_number === phoneNumber);
  if (found === undefined) throw new Error(`no code for ${phoneNumber} is in the inbox`);
  return found.otp;
}
