/** The durability plane, composed: its RPC service and its orderly end. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { IngestService } from "../shared/gen/messaging/v1/ingest_pb.js";
import { CommitLoop } from "./commit-loop.ts";
import type { IngestDeps } from "./ingest-deps.ts";
import { createIngestService } from "./ingest-rpc.ts";

export interface Ingest {
  readonly service: ServiceImpl<typeof IngestService>;
  /** Refuses new sends, resolves when those in hand are committed and answered. */
  drain(): Promise<void>;
}

export function createIngest(deps: IngestDeps): Ingest {
  const loop = new CommitLoop(deps);
  return { service: createIngestService(deps, loop), drain: () => loop.close() };
}
