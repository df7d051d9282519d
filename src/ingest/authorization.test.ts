/** Goal: membership is decided where messages are stored. Method: calls past any gateway, straight to ingest. */
import { expect, test } from "bun:test";
import { failure, IngestCluster, mallory } from "../../tests/fakes/ingest-cluster.ts";

test("authorization_at_durability: a stranger's send past the gateway is refused and leaves nothing", async () => {
  const cluster = new IngestCluster();
  const ingest = cluster.instance();
  const chat = await cluster.createChat("A");
  const [own] = await cluster.settled(ingest.persist(cluster.item(chat)));
  expect(own).toMatchObject({ ok: true, sequence: 1 });
  const [result] = await cluster.settled(ingest.persist(cluster.item(chat, { senderId: mallory })));
  expect(failure(result).code).toBe("NOT_A_MEMBER");
  expect(await cluster.counter(chat)).toBe(1);
  expect(await cluster.stored(chat)).toHaveLength(1);
  expect(await cluster.events()).toHaveLength(1);
});
