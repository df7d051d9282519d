/** Starts the chat page: the one place that knows the browser's globals. */
import { render } from "preact";
import { platformClock } from "../../client/platform.ts";
import type { Clock } from "../../client/ports.ts";
import { openSharedClient } from "../../client/shared-client.ts";
import { AppModel } from "./model/app-model.ts";
import { App } from "./view/app.tsx";
import { ModelContext } from "./view/use-store.ts";
import { workerClock } from "./worker-clock.ts";

async function start(root: HTMLElement): Promise<void> {
  const client = await openSharedClient({
    baseUrl: location.origin,
    startFrom: "watermark",
    clock: steadyClock(root.dataset["timerScript"]),
  });
  const model = new AppModel(
    { client, clock: platformClock, values: localStorage },
    { isOnline: () => navigator.onLine, isVisible: () => !document.hidden },
  );
  const look = (): void => model.onSurroundingsChanged();
  addEventListener("online", look);
  addEventListener("offline", look);
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => model.list.remember());
  addEventListener("storage", () => model.list.adoptReadMarks());
  render(
    <ModelContext.Provider value={model}>
      <App />
    </ModelContext.Provider>,
    root,
  );
  model.start();
}

/** Where a page may have no worker, its timers are those of the page. */
function steadyClock(script: string | undefined): Clock {
  try {
    return script === undefined ? platformClock : workerClock(new Worker(script), platformClock);
  } catch {
    return platformClock;
  }
}

const root = document.querySelector<HTMLElement>("#root");
if (root === null) throw new Error("the page has no element #root");
start(root).catch((cause: unknown) => {
  root.textContent = `The chat page could not start: ${cause instanceof Error ? cause.message : String(cause)}`;
});
