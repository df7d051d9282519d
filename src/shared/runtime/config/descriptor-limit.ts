/** The process's own limit of open files: every connection takes one descriptor. */
import { readFileSync } from "node:fs";

/** Descriptors kept for files, databases, outgoing calls and listening sockets. */
export const reservedDescriptors = 1000;

/** @returns the soft limit of open files; undefined where the system does not tell (anything but Linux). */
export function readDescriptorLimit(): number | undefined {
  let text: string;
  try {
    text = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return undefined;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Connections that fit under the limit, at least 1. Without a known limit: 100,000, the contracts' ceiling. */
export function connectionsMaxFor(descriptorLimit: number | undefined): number {
  if (descriptorLimit === undefined) return 100_000;
  return Math.max(1, Math.min(100_000, descriptorLimit - reservedDescriptors));
}
