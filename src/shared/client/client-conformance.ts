/**
 * The client contract as a suite: every rule CL, MS, MR, AK, RS, EH, each under its id, for any client that can
 * be put on a virtual clock with sockets in memory. Goal: a client that passes loses nothing, repeats nothing and
 * is no burden. Method: a scripted server that breaks what real ones break, and looks at the frames it gets.
 */
import { describe, test } from "bun:test";
import { acknowledgerRules } from "./conformance-acknowledger.ts";
import { type Bench, type ConformanceSetup, chat, expectFaithful, latencyMs } from "./conformance-bench.ts";
import { chaosRules } from "./conformance-chaos.ts";
import { connectorRules } from "./conformance-connector.ts";
import { errorRules } from "./conformance-errors.ts";
import { receiverRules } from "./conformance-receiver.ts";
import { senderRules } from "./conformance-sender.ts";
import { syncerRules } from "./conformance-syncer.ts";
import { GatedStorage } from "./gated-storage.ts";
import { ScriptedServer } from "./scripted-server.ts";
import { MemoryStorage } from "./storage-memory.ts";

export function clientConformance(name: string, setup: ConformanceSetup): void {
  async function openBench(supportsHeaders = true): Promise<Bench> {
    const clock = setup.newClock();
    const random = setup.newRandom(setup.newSeed());
    const server = new ScriptedServer({ clock, supportsHeaders, latencyMs });
    const storage = new GatedStorage(new MemoryStorage());
    const { sockets, fetch } = server;
    const surroundings = { clock, random, sockets, fetch, baseUrl: "http://server.test", storage };
    server.addChat(chat, 0);
    const client = await setup.open(surroundings);
    return {
      clock,
      server,
      storage,
      client,
      ready: async () => {
        client.connect();
        await clock.runUntil(() => client.ready(), 60_000);
      },
      restart: async () => {
        client.kill();
        return setup.open(surroundings);
      },
    };
  }

  /** Runs the rule's test and, whatever it was about, looks at all frames once more. */
  function rule(title: string, run: (bench: Bench) => Promise<void>, supportsHeaders = true): void {
    test(title, async () => {
      const bench = await openBench(supportsHeaders);
      await run(bench);
      bench.client.kill();
      expectFaithful(bench.server);
    });
  }

  describe(`client contract: ${name}`, () => {
    connectorRules(rule);
    senderRules(rule);
    receiverRules(rule, setup);
    acknowledgerRules(rule);
    syncerRules(rule);
    errorRules(rule);
    chaosRules(setup);
  });
}
