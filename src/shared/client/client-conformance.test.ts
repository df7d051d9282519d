import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { TriplaneClient } from "./client.ts";
import { clientConformance } from "./client-conformance.ts";
import { SendError } from "./client-errors.ts";
import { scriptedUser } from "./scripted-server.ts";

clientConformance("TriplaneClient", {
  newClock: () => new VirtualClock(),
  newRandom: (seed) => new SeededRandom(seed),
  newSeed: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  open: async (surroundings) => {
    const client = await TriplaneClient.open(surroundings);
    if (client.userId === undefined) await client.useSession(scriptedUser);
    const logged: string[] = [];
    const roundTrips: number[] = [];
    client.on("error", ({ code }) => logged.push(code));
    client.on("unknownFrame", ({ type }) => logged.push(type));
    client.on("roundTrip", ({ roundTripMs }) => roundTrips.push(roundTripMs));
    return {
      connect: () => {
        client.connect().catch(() => undefined);
      },
      disconnect: () => client.disconnect(),
      send: (chatId, content) => {
        const { clientMessageId, acked } = client.send(chatId, content);
        let outcome: string | undefined;
        acked.then(
          () => {
            outcome = "acked";
          },
          (error: unknown) => {
            outcome = error instanceof SendError ? error.code : String(error);
          },
        );
        return { clientMessageId, outcome: () => outcome };
      },
      shown: (chatId) => client.timeline(chatId).map((message) => message.sequence),
      status: () => client.status,
      ready: () => client.state === "Ready",
      logged: () => logged,
      roundTrips: () => roundTrips,
      kill: () => client.abandon(),
    };
  },
});
