/** Runs while the head is parsed, before anything is painted. */
import { applyTheme, readTheme } from "./theme.ts";

applyTheme(readTheme());
