import type { JSX } from "preact";
import { ChatScreen } from "./chat-screen.tsx";
import { SignIn } from "./sign-in.tsx";
import { useAppState } from "./use-store.ts";

export function App(): JSX.Element {
  const screen = useAppState((state) => state.screen);
  if (screen === "starting") return <p class="starting">Starting…</p>;
  return screen === "sign_in" ? <SignIn /> : <ChatScreen />;
}
