/** Which program this is: for the version command, the log's first line and the health page. */
import packageJson from "../../../package.json" with { type: "json" };

export interface BuildInfo {
  /** Of package.json: `0.1.0`. */
  readonly version: string;
  /** Twelve hex digits; `unknown` where neither the build nor a checkout tells. */
  readonly commit: string;
}

/** Put in by the build (`--define TRIPLANE_COMMIT='"…"'`); from sources, git is asked. */
declare const TRIPLANE_COMMIT: string;

let known: BuildInfo | undefined;

export function buildInfo(): BuildInfo {
  known ??= { version: packageJson.version, commit: commitOfBuild() };
  return known;
}

function commitOfBuild(): string {
  if (typeof TRIPLANE_COMMIT === "string") return TRIPLANE_COMMIT;
  if (Bun.which("git") === null) return "unknown";
  const asked = Bun.spawnSync(["git", "rev-parse", "--short=12", "HEAD"], {
    cwd: import.meta.dir.startsWith("/$bunfs") ? "/" : import.meta.dir,
    stderr: "ignore",
  });
  return asked.exitCode === 0 ? asked.stdout.toString().trim() : "unknown";
}
