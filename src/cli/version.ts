/** `triplane version`. */
import { buildInfo } from "../shared/runtime/build-info.ts";
import type { CliCommand } from "./cli-command.ts";

export const versionCommand: CliCommand = {
  name: "version",
  summary: "tells the version, the commit it was built from and the runtime",
  parameters: [],
  flags: [],
  run({ io }) {
    const { version, commit } = buildInfo();
    io.out(`triplane ${version} (commit ${commit}, Bun ${Bun.version})`);
    return Promise.resolve(0);
  },
};
