/** Native publish and subscribe of one simulated server process. */
import type { TopicPublisher } from "../../src/gateway/socket.ts";
import type { SimulatedLink } from "./simulated-link.ts";

export class SimulatedTopics implements TopicPublisher {
  readonly #topics = new Map<string, Set<SimulatedLink>>();
  /** Frames handed to topics. */
  published = 0;

  publish(topic: string, frame: string): void {
    this.publishExcept(topic, frame, undefined);
  }

  publishExcept(topic: string, frame: string, sender: SimulatedLink | undefined): void {
    this.published += 1;
    for (const link of this.#topics.get(topic) ?? []) if (link !== sender) link.published(frame);
  }

  subscribe(link: SimulatedLink, topic: string): void {
    link.subscribed.add(topic);
    const links = this.#topics.get(topic);
    if (links === undefined) this.#topics.set(topic, new Set([link]));
    else links.add(link);
  }

  unsubscribe(link: SimulatedLink, topic: string): void {
    link.subscribed.delete(topic);
    this.#topics.get(topic)?.delete(link);
  }

  forget(link: SimulatedLink): void {
    for (const topic of [...link.subscribed]) this.unsubscribe(link, topic);
  }
}
