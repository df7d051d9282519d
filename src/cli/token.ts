/** `triplane token`: a login without a code, for whoever may read the server's keys anyway. */
import { openSession } from "../chatmgmt/open-session.ts";
import { parseDeviceId, type UserId } from "../shared/domain/ids.ts";
import { type CliCommand, CliError } from "./cli-command.ts";
import { dataDirectoryOf, dataFlag } from "./data-path.ts";
import { type Accounts, openAccounts } from "./open-accounts.ts";
import { tokenTtlFlag, tokenTtlOf } from "./token-ttl.ts";

const sessionTtlSeconds = 30 * 24 * 3600;

export const tokenCommand: CliCommand = {
  name: "token",
  summary: "opens a session for a phone number, making the user when there is none, and prints its tokens",
  parameters: ["PHONE"],
  flags: [
    { name: "access-only", value: undefined, description: "prints the access token and nothing else" },
    tokenTtlFlag,
    dataFlag,
  ],
  async run(invocation) {
    const [phone = ""] = invocation.parameters;
    if (!/^\+[1-9]\d{6,14}$/.test(phone)) {
      throw new CliError(`${JSON.stringify(phone)} is no phone number like +14155550123 (E.164)`, 2);
    }
    const accessTokenTtlSeconds = tokenTtlOf(invocation);
    await using accounts = await openAccounts(dataDirectoryOf(invocation));
    const userId = await userOf(accounts, phone);
    const deviceId = parseDeviceId(accounts.ids.uuid());
    if (deviceId === undefined) throw new Error("the id source made no UUID");
    const settings = { auth: { accessTokenTtlSeconds, sessionTtlSeconds } };
    const { session, minted } = await openSession({ ...accounts, settings }, userId, deviceId);
    await accounts.sessions.createSessions([session]);
    const { accessToken, refreshToken } = minted.tokens;
    invocation.io.out(
      invocation.flags.has("access-only")
        ? String(accessToken)
        : JSON.stringify({
            user_id: userId,
            phone_number: phone,
            device_id: deviceId,
            access_token: accessToken,
            refresh_token: refreshToken,
          }),
    );
    return 0;
  },
};

async function userOf({ users, ids, clock }: Accounts, phoneNumber: string): Promise<UserId> {
  const [known] = await users.findByPhone([phoneNumber]);
  if (known !== undefined) return known.userId;
  const userId = ids.userId();
  const nowMs = clock.nowMs();
  await users.createUsers([
    { userId, phoneNumber, displayName: null, createdAtMs: nowMs, updatedAtMs: nowMs },
  ]);
  return userId;
}
