/** Catches whoever reaches for the machine's own time or randomness. Only `setImmediate` is left, for turns of the loop. */
export interface RealTimeTrap {
  /** What was touched, with the place in the code. */
  readonly touched: readonly string[];
  release(): void;
}

export function trapRealTime(): RealTimeTrap {
  const touched: string[] = [];
  const restores: (() => void)[] = [];
  const trap = (owner: object, name: string): void => {
    const original = Reflect.get(owner, name);
    if (typeof original !== "function") throw new Error(`${name} is no function, it cannot be trapped`);
    Reflect.set(owner, name, (...given: unknown[]): unknown => {
      touched.push(`${name} ${new Error("touched").stack?.split("\n").slice(2, 5).join(" ") ?? ""}`);
      return Reflect.apply(original, owner, given);
    });
    restores.push(() => Reflect.set(owner, name, original));
  };
  for (const name of ["setTimeout", "setInterval"]) trap(globalThis, name);
  trap(Date, "now");
  trap(performance, "now");
  trap(Math, "random");
  for (const name of ["randomUUID", "getRandomValues"]) trap(crypto, name);
  trap(AbortSignal, "timeout");
  const realDate = globalThis.Date;
  globalThis.Date = new Proxy(realDate, {
    construct(target, given, newTarget) {
      if (given.length === 0) touched.push(`new Date() ${new Error("touched").stack ?? ""}`);
      return Reflect.construct(target, given, newTarget) as object;
    },
  });
  restores.push(() => {
    globalThis.Date = realDate;
  });
  return {
    touched,
    release: () => {
      for (const restore of restores.reverse()) restore();
    },
  };
}
