/**
 * Completes package-lock.json after `npm install --package-lock-only`. A registry mirror may lack the packages
 * of other platforms; npm then leaves these optional packages out of the lock and `npm ci` refuses the lock
 * everywhere. This adds the missing entries by name and exact version, for their own platform only.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockedPackage {
  version: string;
  cpu?: string[];
  os?: string[];
  libc?: string[];
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockedPackage> };

const systems = ["android", "darwin", "freebsd", "linux", "win32"];
const processors: Record<string, string> = {
  arm64: "arm64",
  aarch64: "arm64",
  armv7: "arm",
  x64: "x64",
};

const added: string[] = [];
for (const owner of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] !== undefined) continue;
    const parts = name.split(/[-/]/);
    const system = parts.find((part) => systems.includes(part));
    const processor = parts.map((part) => processors[part]).find((part) => part !== undefined);
    if (system === undefined || processor === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
      throw new Error(`${name}@${version} is missing from the lock and its name tells no platform`);
    }
    lock.packages[key] = {
      version,
      cpu: [processor],
      ...(owner.dev === true ? { dev: true } : {}),
      ...(parts.includes("musl") ? { libc: ["musl"] } : {}),
      optional: true,
      os: [system],
    };
    added.push(`${name}@${version}`);
  }
}

const [root = ["", { version: "" }], ...others] = Object.entries(lock.packages);
others.sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries([root, ...others]);
writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
console.log(added.length === 0 ? "the lock is complete" : `added ${added.join(", ")}`);
