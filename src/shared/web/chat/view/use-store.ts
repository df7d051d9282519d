import { createContext } from "preact";
import { useContext, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import type { AppModel } from "../model/app-model.ts";
import type { AppState } from "../model/app-state.ts";

export const ModelContext = createContext<AppModel | undefined>(undefined);

export function useModel(): AppModel {
  const model = useContext(ModelContext);
  if (model === undefined) throw new Error("useModel needs a ModelContext above it");
  return model;
}

/** A part of the state; the component renders again when that part is another value. */
export function useAppState<Part>(select: (state: AppState) => Part): Part {
  const { store } = useModel();
  const [, render] = useReducer((count: number) => count + 1, 0);
  const part = select(store.state);
  const shown = useRef({ select, part });
  shown.current = { select, part };
  useLayoutEffect(() => {
    const check = (): void => {
      if (!Object.is(shown.current.select(store.state), shown.current.part)) render(0);
    };
    // What changed between rendering and subscribing.
    check();
    return store.subscribe(check);
  }, [store]);
  return part;
}
