/** `triplane repair counter CHAT`: sets a chat's lost or low counter to its highest stored sequence. */
import { parseChatId } from "../shared/domain/ids.ts";
import { openInlineStorage } from "../shared/stores/sqlite/inline-storage.ts";
import { repairCounter } from "../shared/stores/sqlite/message-upkeep.ts";
import { type CliCommand, CliError } from "./cli-command.ts";
import { dataFlag, existingDatabase } from "./data-path.ts";

export const repairCommand: CliCommand = {
  name: "repair",
  summary:
    "`repair counter CHAT` sets the chat's counter to its highest stored sequence, never lower than it is",
  parameters: ["WHAT", "CHAT"],
  flags: [dataFlag],
  async run(invocation) {
    const [what = "", chat = ""] = invocation.parameters;
    if (what !== "counter")
      throw new CliError(`${JSON.stringify(what)} cannot be repaired, only "counter"`, 2);
    const chatId = parseChatId(chat);
    if (chatId === undefined)
      throw new CliError(`${JSON.stringify(chat)} is no chat id like chat_01HQX7…`, 2);
    const storage = openInlineStorage(existingDatabase(invocation));
    try {
      const counter = await storage.run(repairCounter, chatId);
      if (counter === undefined) throw new CliError(`there is no chat ${chatId} in this database`);
      invocation.io.out(`chat ${chatId} continues after sequence ${counter.sequence}`);
      invocation.io.err("a server that is running refuses the chat until it is restarted");
      return 0;
    } finally {
      await storage.close();
    }
  },
};
