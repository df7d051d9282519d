import { useState } from "preact/hooks";
import { errorText } from "../model/error-text.ts";

export interface Task {
  readonly isRunning: boolean;
  /** What went wrong, for the user. */
  readonly error: string | undefined;
  setError(error: string | undefined): void;
  /** Runs one at a time; a call during another one is ignored. */
  run(work: () => Promise<void>): void;
}

/** One action of a form: knows that it is running, and how it failed. */
export function useTask(): Task {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  return {
    isRunning,
    error,
    setError,
    run: (work) => {
      if (isRunning) return;
      setRunning(true);
      setError(undefined);
      work()
        .catch((cause: unknown) => setError(errorText(cause)))
        .finally(() => setRunning(false));
    },
  };
}
