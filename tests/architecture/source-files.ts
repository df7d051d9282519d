/** The source tree as the architecture tests see it: paths, code without comments, imports. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

export const root = join(import.meta.dir, "../..");

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked, line by line as the formatter leaves them; line numbers stay. */
  readonly code: string;
  readonly imports: readonly Import[];
  /** A test, a conformance suite or what only they use. */
  readonly isTest: boolean;
}

export interface Import {
  /** As written: `hono`, `../domain/ids.ts`. */
  readonly specifier: string;
  /** From the root of the repository; undefined for a library. */
  readonly target: string | undefined;
}

/** Every TypeScript file under `directory` (from the root), generated code left out. */
export function sourceFiles(directory: string): readonly SourceFile[] {
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((path) => !path.startsWith("src/shared/gen/"))
    .sort()
    .map(readSource);
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), "utf8");
  const code = withoutComments(text);
  return {
    path,
    text,
    code,
    imports: importsOf(path, code),
    isTest: testFile.test(path),
  };
}

/** By name: `x.test.ts`, `x.conformance.ts`, `edge-fixture.ts`, `scripted-server.ts` and the like. */
const testFile =
  /\.(test|conformance|stress|harness|fixture)\.tsx?$|-(fixture|conformance)\.ts$|\/conformance-[a-z-]+\.ts$|\/scripted-[a-z-]+\.ts$/;

const importForms = [
  /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
  /^\s*import\s*["']([^"']+)["']/gm,
  /\b(?:import|require)\(\s*["']([^"']+)["']/g,
  /\bnew URL\(\s*["'](\.[^"']+\.ts)["']\s*,\s*import\.meta\.url/g,
];

export function importsOf(path: string, code: string): readonly Import[] {
  return importForms
    .flatMap((form) => [...code.matchAll(form)].map((match) => match[1] ?? ""))
    .map((specifier) => ({
      specifier,
      target: specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : undefined,
    }));
}

function withoutComments(text: string): string {
  let isInside = false;
  return text
    .split("\n")
    .map((line) => {
      const trimmed = line.trim();
      if (!isInside && trimmed.startsWith("//")) return "";
      if (!isInside && trimmed.startsWith("/*")) isInside = true;
      if (isInside) {
        if (trimmed.endsWith("*/")) isInside = false;
        return "";
      }
      return line.replace(/\s\/\/ .*$/, "").replace(/\/\*\*? [^*]*\*\//g, "");
    })
    .join("\n");
}
