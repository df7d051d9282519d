import type { JSX } from "preact";
import type { LinkState } from "../model/app-state.ts";
import { useAppState, useModel } from "./use-store.ts";

const texts: Readonly<Record<LinkState, string>> = {
  connected: "Connected",
  syncing: "Syncing…",
  reconnecting: "Reconnecting…",
  offline: "Offline",
};

export function ConnectionBadge(): JSX.Element {
  const model = useModel();
  const link = useAppState((state) => state.link);
  return (
    <div class={`link link-${link}`}>
      <span class="link-dot" aria-hidden="true" />
      <span class="link-text" role="status" data-testid="connection">
        {texts[link]}
      </span>
      {(link === "offline" || link === "reconnecting") && (
        <button type="button" class="button button-quiet button-small" onClick={() => model.connect()}>
          Try now
        </button>
      )}
    </div>
  );
}
