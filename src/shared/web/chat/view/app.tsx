import type { JSX } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { ChatScreen } from "./chat-screen.tsx";
import { SignIn } from "./sign-in.tsx";
import { useAppState } from "./use-store.ts";

export function App(): JSX.Element {
  const screen = useAppState((state) => state.screen);
  const [failure] = useErrorBoundary();
  if (failure !== undefined) {
    return (
      <main class="starting">
        <p role="alert">Something went wrong on this page. Your messages are safe.</p>
        <button type="button" class="button" onClick={() => location.reload()}>
          Load again
        </button>
      </main>
    );
  }
  if (screen === "starting") return <p class="starting">Starting…</p>;
  return screen === "sign_in" ? <SignIn /> : <ChatScreen />;
}
