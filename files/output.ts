/**
 * What a result may be written to. A name that is free, an earlier result of Headscope's, an empty file, a pipe or a device: without a
 * word. Anything else is a person's, and is replaced with `--force` alone. It is asked before anything is measured, and again
 * when the result is there: a file that came meanwhile stays, and the result goes beside it.
 */
import type { Stats } from 'node:fs';
import { appendFile, lstat, open, readFile, stat } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { NotWritten, reasonOf, writeInOneStep, writeNew } from './write-file';

/** What an output is, and so which files are earlier ones of it. */
export type OutputKind = 'result' | 'plan' | 'baseline' | 'sarif' | 'vector' | 'export' | 'table';

export interface Output {
  readonly kind: OutputKind;
  /** `--force`. */
  readonly force: boolean;
}

/** Larger files are read by no program as one text. */
const largestRead = 2 ** 29 - 1024;

/** Why a file is not written, as a sentence about the file, which it does not name; undefined where it may be. */
export async function whyNotReplaced(path: string, { kind, force }: Output): Promise<string | undefined> {
  let about: Stats;
  try {
    about = await stat(path);
  } catch (error) {
    return whyNotMade(path, error as NodeJS.ErrnoException);
  }
  if (about.isDirectory()) return 'It is a folder. Name a file.';
  if (isStream(path, about)) return undefined;
  if (!about.isFile()) return 'It is neither a file nor a pipe. Name another.';
  if (force || about.size === 0) return undefined;
  // What cannot be read is taken for a person's.
  const encoding = kind === 'vector' || kind === 'export' ? 'latin1' : 'utf8';
  if (about.size <= largestRead && isOurs[kind](await readFile(path, encoding).catch(() => ''))) return undefined;
  return `It is there already, and it is not ${kindWords[kind]} that Headscope wrote. Name another file, or replace it with --force.`;
}

const kindWords: Readonly<Record<OutputKind, string>> = {
  result: 'a result',
  plan: 'a cache plan',
  baseline: 'a baseline',
  sarif: 'a SARIF log',
  vector: 'a steering vector',
  export: 'a file of numbers',
  table: 'a table',
};

/** Why a file that is not there cannot be made. */
async function whyNotMade(path: string, { code }: NodeJS.ErrnoException): Promise<string | undefined> {
  if (code === 'ENOTDIR') return 'Its folder is a file. Name another.';
  if (code !== 'ENOENT') return `It cannot be looked at (${code ?? 'unknown error'}). Name another file.`;
  if (await lstat(path).catch(() => undefined)) {
    return 'It is a link, and nothing is where it leads. Name another file.';
  }
  const folder = await stat(dirname(resolve(path))).catch(() => undefined);
  if (folder === undefined) return 'Its folder does not exist. Make the folder first.';
  return folder.isDirectory() ? undefined : 'Its folder is a file. Name another.';
}

/** What is written to and not replaced: pipes, terminals, /dev/null, and what a shell opened under a name below /dev. */
const isStream = (path: string, about: Stats): boolean => {
  const place = resolve(path);
  const isDevice = place.startsWith(`${sep}dev${sep}`) && !place.startsWith('/dev/shm/');
  return about.isFIFO() || about.isCharacterDevice() || (isDevice && about.isFile());
};

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(content: string): Fields {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === 'object' && value !== null ? (value as Fields) : {};
  } catch {
    return {};
  }
}

/** Files of these kinds may have been written by hand: no result replaces them. */
const byHand = ['headscope-plan', 'headscope-baseline', 'headscope-intervention'];

/** By content: a name says nothing of who wrote a file. */
const isOurs: Readonly<Record<OutputKind, (content: string) => boolean>> = {
  result(content) {
    const { kind, version, headscope, created } = fieldsOf(content);
    // A circuit of format 2 has been arranged in its editor.
    if (kind === 'headscope-circuit' && version !== 1) return false;
    if (typeof kind === 'string' && kind.startsWith('headscope-')) return !byHand.includes(kind);
    return typeof headscope === 'string' && typeof created === 'string';
  },
  plan: (content) => fieldsOf(content)['kind'] === 'headscope-plan',
  baseline: (content) => fieldsOf(content)['kind'] === 'headscope-baseline',
  sarif(content) {
    const { runs } = fieldsOf(content);
    return Array.isArray(runs) && runs.length > 0 && runs.every((run) => driverOf(run) === 'headscope');
  },
  vector: (content) => vectorMarks.some(({ at, mark }) => content.startsWith(mark, at)),
  export: (content) =>
    exportMarks.some((mark) => mark.test(content)) || fieldsOf(content)['kind'] === 'headscope-export',
  // Plans in the forms of other programs have no place for a mark: a person's file looks the same.
  table: () => false,
};

/**
 * What Headscope writes first into a steering vector: behind the counts of a GGUF file, the length and the name of the first key of its
 * metadata; behind the length of its header, that of a safetensors file.
 */
const vectorMarks = [
  { at: 24, mark: '\u0011\0\0\0\0\0\0\0headscope.version' },
  { at: 8, mark: '{"__metadata__":{"headscope":"' },
] as const;

/**
 * What stands first in files of numbers (protocol/exports): CSV; the first file of a npz archive, and the first key in it; the first key of
 * the metadata of safetensors, and a key of the schema of an Arrow file, behind its length.
 */
const exportMarks = [
  /^# Written by Headscope /,
  /^PK\u0003\u0004[^]{26}meta\.json\{\s*"headscope": "/,
  /^[^]{8}\{"__metadata__":\{"headscope_export":"/,
  /^ARROW1[^]{16,256}?\u0010\0\0\0headscope_export\0/,
];

/** A file of numbers or a steering vector of Headscope's, by its first bytes. */
export async function isOwnExport(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return false;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const start = buffer.toString('latin1', 0, bytesRead);
    return isOurs.vector(start) || exportMarks.some((mark) => mark.test(start));
  } finally {
    await file.close();
  }
}

const driverOf = (run: unknown): unknown =>
  (run as { readonly tool?: { readonly driver?: { readonly name?: unknown } } } | null)?.tool?.driver?.name;

/** Throws NotWritten; where a file of another's came meanwhile its sentence says where the result went. */
export async function writeOutput(path: string, content: string | Uint8Array, output: Output): Promise<void> {
  const why = await whyNotReplaced(path, output);
  if (why !== undefined) {
    const beside = await writeFree(path, content).catch(() => undefined);
    throw new NotWritten(beside === undefined ? why : `${why} What it was to hold is in ${beside}.`);
  }
  const about = await stat(path).catch(() => undefined);
  if (about !== undefined && isStream(path, about)) {
    await appendFile(path, content).catch((error: unknown) => {
      throw reasonOf(error);
    });
    return;
  }
  await writeInOneStep(path, content, { throughLinks: true });
}

/** Beside the file, under the first name that is free. */
async function writeFree(path: string, content: string | Uint8Array): Promise<string> {
  const { dir, name, ext } = parse(path);
  for (let number = 2; ; number++) {
    const free = join(dir, `${name}-${number}${ext}`);
    try {
      await writeNew(free, content);
      return free;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
