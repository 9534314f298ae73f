/** The import graph of the rooms, by TypeScript's own reading of each file's imports (types included). */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  /** Files of the repository that it imports. */
  readonly files: readonly string[];
  /** Packages that it imports, by package name; `node:` modules with their prefix. */
  readonly packages: readonly string[];
}

const slashed = (path: string): string => path.split(sep).join('/');

/** `@scope/name/deep/file` and `name/deep/file` to the name of the package. */
const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** The file that a relative import of the project means: the same name with `.ts`, or a folder's index. */
function resolveRelative(from: string, specifier: string): string {
  const target = resolve(dirname(from), specifier);
  const found = [`${target}.ts`, target, join(target, 'index.ts')].find(
    (file) => existsSync(file) && /\.\w+$/.test(file),
  );
  // An import of nothing is the compiler's to report.
  return found ?? `${target}.ts`;
}

export function readImports(root: string, file: string): SourceFile {
  const specifiers = ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles.map((one) => one.fileName);
  return {
    path: slashed(relative(root, file)),
    files: specifiers
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => slashed(relative(root, resolveRelative(file, specifier)))),
    packages: specifiers.filter((specifier) => !specifier.startsWith('.')).map(packageName),
  };
}

export function readRoom(root: string, room: string): SourceFile[] {
  const folder = join(root, room);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => readImports(root, join(folder, name)));
}

/** Each circle once, as the files along it: the first file imports the second, the last imports the first. */
export function findCircles(graph: readonly SourceFile[]): string[][] {
  const edges = new Map(graph.map((file) => [file.path, file.files]));
  const done = new Set<string>();
  const circles: string[][] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      circles.push(trail.slice(seenAt));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return circles;
}

/**
 * Circles among what lies side by side in a folder: a folder in it counts as a whole, with all that is below, a file alone. So a
 * catalogue may import the folders that it lists while they import a type beside it.
 */
export function findFolderCircles(graph: readonly SourceFile[]): string[][] {
  const levels = new Map<string, Map<string, Set<string>>>();
  for (const { path, files } of graph) {
    for (const target of files) {
      const [from, to] = [path.split('/'), target.split('/')];
      const shared = from.findIndex((part, at) => part !== to[at] || at === from.length - 1 || at === to.length - 1);
      const child = (parts: readonly string[]): string => parts.slice(0, shared + 1).join('/');
      if (child(from) === child(to)) continue;
      const level = from.slice(0, shared).join('/');
      const edges = levels.get(level) ?? new Map<string, Set<string>>();
      levels.set(level, edges.set(child(from), (edges.get(child(from)) ?? new Set()).add(child(to))));
    }
  }
  return [...levels.values()]
    .flatMap((edges) => findCircles([...edges].map(([path, files]) => ({ path, files: [...files], packages: [] }))))
    .filter((circle) => circle.some((path) => !path.endsWith('.ts')));
}

/** True when `path` is the folder or file `place`, or inside it. */
export const within = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`);
