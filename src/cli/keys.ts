/** `triplane keys rotate`: a fresh key for access tokens; sessions and tokens stay. */
import { rotateSigningKeys } from "../shared/auth/key-files.ts";
import { systemRandom } from "../shared/runtime/system-random.ts";
import { type CliCommand, CliError } from "./cli-command.ts";
import { dataDirectoryOf, dataFlag } from "./data-path.ts";

export const keysCommand: CliCommand = {
  name: "keys",
  summary: "rotate: makes a new key that signs tokens from the next start on; older tokens stay valid",
  parameters: ["rotate"],
  flags: [dataFlag],
  async run(invocation) {
    const [verb = ""] = invocation.parameters;
    if (verb !== "rotate") throw new CliError(`keys can be rotated, not ${JSON.stringify(verb)}`, 2);
    try {
      invocation.io.out(await rotateSigningKeys(dataDirectoryOf(invocation), systemRandom));
    } catch (error) {
      throw new CliError(error instanceof Error ? error.message : String(error), 1, { cause: error });
    }
    invocation.io.err("the server signs with this key from its next start on");
    return 0;
  },
};
