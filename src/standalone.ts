/**
 * The standalone server: all four services in one process, with nothing around them. Its data lives in one
 * directory and survives `kill -9`. Also the `triplane` command line.
 */
import type { Server } from "bun";
import { LocalSmsInbox } from "./chatmgmt/local-sms-inbox.ts";
import { createAesOtpCipher } from "./chatmgmt/otp-cipher.aes.ts";
import { OtpCodes } from "./chatmgmt/otp-codes.ts";
import { fixedOtpCode, fixedSmsSender } from "./chatmgmt/sms-sender.fixed.ts";
import { createLogSmsSender } from "./chatmgmt/sms-sender.log.ts";
import { createSnsSmsSender } from "./chatmgmt/sms-sender.sns.ts";
import type { SmsSender } from "./chatmgmt/sms-sender.ts";
import { createWebhookSmsSender } from "./chatmgmt/sms-sender.webhook.ts";
import { standaloneCommands } from "./cli/commands.ts";
import { asksForCommand, runCommandLine } from "./cli/run-command-line.ts";
import {
  BunTopicPublisher,
  bunSocketHandlers,
  type SocketData,
  upgradeOnBun,
} from "./gateway/bun-sockets.ts";
import { JoseAccessTokens } from "./shared/auth/access-tokens.jose.ts";
import { AuditFloodGuard } from "./shared/auth/audit.flood-guard.ts";
import { LogAudit } from "./shared/auth/audit.log.ts";
import { openKeyFiles, readSigningKeys } from "./shared/auth/key-files.ts";
import { KeyRing } from "./shared/auth/key-ring.ts";
import { createIds } from "./shared/domain/ids.ts";
import { limits } from "./shared/domain/limits.ts";
import { ChatMgmtService } from "./shared/gen/messaging/v1/chatmgmt_pb.js";
import { mountAsyncApi } from "./shared/http/asyncapi/mount-asyncapi.ts";
import { clientIp, ipKey } from "./shared/http/client-ip.ts";
import { mountDocs } from "./shared/http/docs/mount-docs.ts";
import { mountOpenApi } from "./shared/http/openapi/mount-openapi.ts";
import { buildInfo } from "./shared/runtime/build-info.ts";
import { readDescriptorLimit } from "./shared/runtime/config/descriptor-limit.ts";
import { SettingsError } from "./shared/runtime/config/read-settings.ts";
import {
  readStandaloneSettings,
  type StandaloneSettings,
} from "./shared/runtime/config/standalone-settings.ts";
import { createPinoLogger } from "./shared/runtime/logger.pino.ts";
import type { Logger } from "./shared/runtime/logger.ts";
import { stopOnSignals } from "./shared/runtime/stop-on-signals.ts";
import { systemClock } from "./shared/runtime/system-clock.ts";
import { systemRandom } from "./shared/runtime/system-random.ts";
import { type DataDirectory, openDataDirectory } from "./shared/stores/sqlite/data-directory.ts";
import { openThreadStorage } from "./shared/stores/sqlite/thread-storage.ts";
import { createPages } from "./shared/web/pages.ts";
import { createStandaloneSystem, type StandaloneSystem } from "./standalone-system.ts";

const cachedTokensMax = 50_000;

/** Something at the start that a person must mend: said in one line, exit code 1. */
class StartError extends Error {}

async function run(argv: readonly string[]): Promise<void> {
  const settings = readStandaloneSettings({
    argv,
    env: process.env,
    descriptorLimit: readDescriptorLimit(),
  }).values;
  const { version } = buildInfo();
  const logger = createPinoLogger({
    level: settings.logLevel === "fatal" ? "error" : settings.logLevel,
    service: "standalone",
    version,
    fileDescriptor: 2,
  });
  const directory = openDataDirectory(settings.dataDir);
  const storage = await openThreadStorage(directory.databasePath);
  const inbox = new LocalSmsInbox(systemClock);
  const topics = new BunTopicPublisher();
  const pages = await createPages({
    chat: settings.features.web,
    smsInbox: settings.smsProvider === "log" && isLoopback(settings.host) ? inbox : undefined,
  });
  const system = createStandaloneSystem({
    clock: systemClock,
    random: systemRandom,
    logger,
    storage,
    topics,
    settings,
    version,
    ...(await createSecrets(settings, directory, logger, version)),
    sms: createSms(settings, inbox),
    mountMore(app, edge) {
      mountOpenApi(app, edge, ChatMgmtService);
      mountAsyncApi(app, edge);
      mountDocs(app, edge, ChatMgmtService);
      app.route("/", pages);
    },
  });
  const server = listen(settings, system);
  topics.server = server;
  await system.start();
  stopOnSignals({
    clock: systemClock,
    process,
    async stop() {
      await system.drain();
      await server.stop(true);
      await storage.close();
      directory.close();
    },
    onFailed: (error) => logger.error("drain_failed", { error }),
  });
  logger.info("started", { url: server.url.origin, data_dir: directory.path, pid: process.pid });
  process.stdout.write(`listening on http://${hostInUrl(settings.host)}:${server.port}\n`);
}

async function createSecrets(
  settings: StandaloneSettings,
  directory: DataDirectory,
  logger: Logger,
  version: string,
) {
  const keys = await openKeyFiles(directory.path, systemRandom);
  const ring = await KeyRing.open({
    source: () => readSigningKeys(directory.path),
    clock: systemClock,
    onReloadFailed: (error) => logger.error("key_reload_failed", { error }),
  });
  // Lines of their own beside the log's: they have their own level and time.
  const write = (record: Readonly<Record<string, unknown>>): void => {
    process.stderr.write(`${JSON.stringify(record)}\n`);
  };
  const audit = new LogAudit({
    source: { service: "standalone", instance: "standalone", version },
    clock: systemClock,
    ids: createIds(systemClock, systemRandom),
    write,
  });
  return {
    tokens: new JoseAccessTokens({ keys: ring, clock: systemClock, cachedTokensMax }),
    otpCodes: new OtpCodes({
      pepper: keys.otpPepper,
      cipher: createAesOtpCipher(keys.otpCipherKey, systemRandom),
      random: systemRandom,
      fixedCode: settings.smsProvider === "fixed" ? fixedOtpCode : undefined,
    }),
    audit: new AuditFloodGuard(audit, systemClock),
  };
}

function createSms(settings: StandaloneSettings, inbox: LocalSmsInbox): SmsSender {
  switch (settings.smsProvider) {
    case "fixed":
      return fixedSmsSender;
    case "webhook":
      return createWebhookSmsSender(settings.smsWebhookUrl ?? "", fetch);
    case "sns":
      return createSnsSmsSender({
        region: settings.aws.region,
        credentials: {
          accessKeyId: settings.aws.accessKeyId ?? "",
          secretAccessKey: settings.aws.secretAccessKey ?? "",
          sessionToken: settings.aws.sessionToken,
        },
        clock: systemClock,
        fetch,
      });
    case "log":
      return createLogSmsSender({
        inbox,
        clock: systemClock,
        writeLine: (line) => void process.stdout.write(`${line}\n`),
      });
  }
}

function listen(settings: StandaloneSettings, system: StandaloneSystem): Server<SocketData> {
  try {
    return Bun.serve<SocketData>({
      hostname: settings.host,
      port: settings.port,
      // Bun shares a port between processes unless told not to: a second server would silently take half the clients.
      reusePort: false,
      development: false,
      maxRequestBodySize: limits.transportBytesMax,
      // A request must arrive within this time: slow senders hold no connection for ever.
      idleTimeout: 30,
      async fetch(request, server) {
        const socketAddress = server.requestIP(request)?.address ?? "";
        const ip = ipKey(clientIp(socketAddress, request.headers, settings.trustedProxyHops));
        const upgraded = await upgradeOnBun(system.gateway, request, server, ip);
        if (upgraded === null) return undefined;
        return upgraded ?? (await system.fetch(request, { socketAddress }));
      },
      websocket: bunSocketHandlers(system.gateway),
    });
  } catch (error) {
    const code = (error as { readonly code?: string }).code ?? String(error);
    const { host, port } = settings;
    if (code === "EADDRINUSE") {
      throw new StartError(
        `port ${port} on ${host} is taken: stop the other program, or choose another with --port`,
      );
    }
    throw new StartError(`cannot listen on ${host}:${port} (${code}): choose another with --host and --port`);
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

const argv = process.argv.slice(2);
if (asksForCommand(argv)) {
  process.exitCode = await runCommandLine(argv, standaloneCommands);
} else {
  try {
    await run(argv);
  } catch (error) {
    const lines =
      error instanceof SettingsError
        ? error.problems
        : [error instanceof Error ? error.message : String(error)];
    for (const line of lines) process.stderr.write(`triplane: ${line}\n`);
    process.exit(1);
  }
}
