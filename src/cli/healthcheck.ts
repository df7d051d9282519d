/** `triplane healthcheck`: the container's check, for an image that has no shell and no curl. */
import { type CliCommand, CliError } from "./cli-command.ts";
import { numberFlag } from "./number-flag.ts";

const timeoutMs = 5000;

export const healthcheckCommand: CliCommand = {
  name: "healthcheck",
  summary: "asks the server on this machine for its health; exit code 0 when it does its work",
  parameters: [],
  flags: [
    { name: "port", value: "N", description: "port of the server; default $PORT or 8080" },
    { name: "path", value: "PATH", description: "/health (default), /ready or /health/live" },
  ],
  async run(invocation) {
    const { env, out } = invocation.io;
    const envPort = Number(env["PORT"] || 8080);
    const port = numberFlag(invocation, "port", { byDefault: envPort, min: 1, max: 65_535 });
    const path = invocation.flags.get("path") ?? "/health";
    const url = `http://${reachableHost(env["HOST"])}:${port}${path}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) }).catch((error: unknown) => {
      throw new CliError(`${url} gave no answer within ${timeoutMs} ms; is the server running?`, 1, {
        cause: error,
      });
    });
    const body: unknown = await response.json().catch(() => undefined);
    const status = (body as { status?: unknown } | undefined)?.status;
    out(`${typeof status === "string" ? status : "unknown"} (${response.status})`);
    return response.ok ? 0 : 1;
  },
};

/** Where a server that listens on `host` can be asked from its own machine. */
function reachableHost(host: string | undefined): string {
  if (host === undefined || host === "" || host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
