/** A second process: takes the lock of the directory in its argument, says so or says why not, and waits for its end. */
import { openDataDirectory } from "./data-directory.ts";

const [, , directory] = process.argv;
try {
  openDataDirectory(directory ?? "");
  process.stdout.write("locked\n");
  process.stdin.resume();
} catch (thrown) {
  process.stdout.write(`${thrown instanceof Error ? thrown.message : thrown}\n`);
}
