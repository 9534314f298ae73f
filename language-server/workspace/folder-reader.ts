import { opendir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { largestTokenizer, readVocabulary } from '../../models/formats/companions/tokenizer-vocabulary';
import { parseConfig } from '../../models/formats/config/parse-config';
import type { JsonValue } from '../../models/formats/model-description';
import { readOnnx } from '../../models/formats/onnx/read-onnx';
import type { ReadOnnx } from '../../models/formats/onnx/read-onnx';
import { openRegular, readBytes, readRegular } from '../../models/formats/regular-file';
import { resolveInside } from '../../models/formats/containment';
import { headerLength, parseSafetensorsHeader } from '../../models/formats/safetensors/header';
import { mostHeaderBytes, type HeaderRoom } from '../../models/formats/safetensors/read-header';
import { companionNames, noFacts } from '../service/folder-facts';
import type { CompanionName, FolderFacts, ShardFact } from '../service/folder-facts';
import { JsonDocument, longestText, unreadable } from '../service/json-document';

/** Entries of a folder that are looked at; a model folder has some hundred. */
const mostEntries = 5000;
/** Bytes of a header that is read, well over the 12 MB of the largest published one. */
const largestHeader = 32 * 1024 * 1024;
/** Exports come in some ten variants (fp16, int8, q4, with and without cache). */
const mostGraphs = 64;
/** Files of one folder open at once. */
const openAtOnce = 16;
/** Folders whose facts are remembered; the oldest goes first. */
const mostFolders = 32;

interface Remembered<T> {
  readonly stamp: string;
  readonly value: T;
}

type Tokenizer = NonNullable<FolderFacts['tokenizer']>;

type Overlay = (file: string) => string | undefined;

/** JSON as Python writes it may hold NaN and Infinity; what is half typed is read as far as it goes. A template is its text. */
const parseCompanion = (name: string, text: string): JsonValue | undefined => {
  if (name.endsWith('.jinja')) return text;
  if (unreadable(text) !== undefined) return undefined;
  const parsed = parseConfig(text);
  if (parsed.ok) return parsed.value as JsonValue;
  return new JsonDocument('', text).value;
};

const readShard = async (file: string, name: string, bytes: number, room: HeaderRoom): Promise<ShardFact> => {
  const { handle } = await openRegular(file);
  try {
    // Most headers of a shard fit in here: one read instead of two.
    const start = await readBytes(handle, Math.min(bytes, 64 * 1024));
    if (bytes < 1024 && Buffer.from(start).toString('latin1').startsWith('version https://git-lfs')) {
      return { file: name, bytes, tensors: [], pointer: true };
    }
    const length = headerLength(start, bytes);
    if (typeof length === 'number' && length > largestHeader) {
      const message = `The header has ${length} bytes, more than any known model's; it is not read.`;
      return { file: name, bytes, tensors: [], problem: { code: 'header-too-long', message }, pointer: false };
    }
    if (typeof length === 'number' && (room.bytes -= length) < 0) {
      const message = `The headers of the files of this folder have more than ${mostHeaderBytes} bytes; this one is not read.`;
      return { file: name, bytes, tensors: [], problem: { code: 'header-too-long', message }, pointer: false };
    }
    const whole =
      typeof length !== 'number' || start.length >= length + 8 ? start : await readBytes(handle, length + 8);
    const { tensors, problems } = parseSafetensorsHeader(whole, bytes);
    const problem = problems[0];
    return { file: name, bytes, tensors, ...(problem === undefined ? {} : { problem }), pointer: false };
  } finally {
    await handle.close();
  }
};

/** Names of the graphs in the folder `onnx`, where exporters put them. */
const graphsBelow = async (folder: string): Promise<readonly string[]> => {
  const place = await resolveInside(folder, 'onnx');
  if (!place.ok) return [];
  const names = await readdir(place.path).catch((): string[] => []);
  return names
    .filter((name) => name.endsWith('.onnx'))
    .sort()
    .slice(0, mostGraphs)
    .map((name) => `onnx/${name}`);
};

/** Structure of a graph, or `pointer` where one of git-lfs stands in for the file. */
export const readGraph = async (file: string): Promise<ReadOnnx | 'pointer'> => {
  const read = await readOnnx(file);
  if (read.ok) return read;
  const start = await readRegular(file, 1024).catch(() => undefined);
  return start?.toString('latin1').startsWith('version https://git-lfs') === true ? 'pointer' : read;
};

/** The files of model folders, remembered by time and size of each file. Reads headers, never weights. */
export class FolderReader {
  private readonly companions = new Map<string, Remembered<JsonValue | undefined>>();
  private readonly overlaid = new Map<string, Remembered<JsonValue | undefined>>();
  private readonly shards = new Map<string, Remembered<ShardFact>>();
  private readonly tokenizers = new Map<string, Remembered<Tokenizer>>();
  private readonly graphs = new Map<string, Remembered<ReadOnnx | 'pointer'>>();
  private readonly folders = new Map<string, { readonly at: number; readonly facts: Promise<FolderFacts> }>();

  /**
   * @param overlay text of a file that is open in an editor, which counts in place of the one on disk
   * @param freshFor milliseconds during which a folder is not looked at again, unless `forget` names it
   */
  constructor(
    private readonly overlay: Overlay = () => undefined,
    private readonly freshFor = 2000,
  ) {}

  /** Drops what was gathered of a folder: a file in it changed. */
  forget(folder: string): void {
    this.folders.delete(folder);
  }

  /** The facts of a folder; of one that cannot be read, none. The file they are for needs no parsing a second time. */
  async facts(folder: string, forFile?: string): Promise<FolderFacts> {
    return this.withOpenFiles(folder, await this.onDisk(folder), forFile);
  }

  private onDisk(folder: string): Promise<FolderFacts> {
    const known = this.folders.get(folder);
    if (known !== undefined && Date.now() - known.at < this.freshFor) return known.facts;
    const facts = this.gather(folder).catch(() => ({ ...noFacts, name: path.basename(folder) }));
    this.folders.delete(folder);
    this.folders.set(folder, { at: Date.now(), facts });
    for (const old of [...this.folders.keys()].slice(0, Math.max(0, this.folders.size - mostFolders))) this.drop(old);
    return facts;
  }

  /** Companions as the editor shows them take the place of those on disk. */
  private withOpenFiles(folder: string, facts: FolderFacts, forFile: string | undefined): FolderFacts {
    const companions: Partial<Record<CompanionName, JsonValue>> = { ...facts.companions };
    let changed = false;
    for (const name of companionNames) {
      if (name === forFile) continue;
      const file = path.join(folder, name);
      const text = this.overlay(file);
      if (text === undefined) continue;
      const known = this.overlaid.get(file);
      const value = known?.stamp === text ? known.value : parseCompanion(name, text);
      this.overlaid.set(file, { stamp: text, value });
      if (value !== undefined) companions[name] = value;
      changed = true;
    }
    return changed ? { ...facts, companions } : facts;
  }

  private drop(folder: string): void {
    this.folders.delete(folder);
    for (const cache of [this.companions, this.overlaid, this.shards, this.tokenizers, this.graphs]) {
      for (const file of cache.keys())
        if (path.dirname(file) === folder || path.dirname(file) === path.join(folder, 'onnx')) cache.delete(file);
    }
  }

  private async gather(folder: string): Promise<FolderFacts> {
    const names: string[] = [];
    const linked = new Set<string>();
    for await (const entry of await opendir(folder)) {
      if (entry.isFile() || entry.isSymbolicLink()) names.push(entry.name);
      if (entry.isSymbolicLink()) linked.add(entry.name);
      if (names.length >= mostEntries) break;
    }
    names.sort();
    const files = new Map<string, number>();
    const companions: Partial<Record<CompanionName, JsonValue>> = {};
    const shards = new Map<string, ShardFact>();
    const room: HeaderRoom = { bytes: mostHeaderBytes };
    const graphs = new Map<string, ReadOnnx>();
    let tokenizer: Tokenizer | undefined;
    for (const name of await graphsBelow(folder)) {
      names.push(name);
      linked.add(name);
    }
    const look = async (name: string): Promise<void> => {
      const file = linked.has(name) ? await containedPath(folder, name) : path.join(folder, name);
      if (file === undefined) return;
      const status = await stat(file).catch(() => undefined);
      if (status === undefined || !status.isFile()) return;
      const stamp = `${status.mtimeMs}:${status.size}`;
      const isBelow = name.includes('/');
      if (!isBelow) files.set(name, status.size);
      const key = path.join(folder, name);
      const isCompanion = (companionNames as readonly string[]).includes(name);
      if (isCompanion && status.size <= longestText) {
        const value = await this.remember(this.companions, key, stamp, async () =>
          parseCompanion(name, await readText(file)),
        );
        if (value !== undefined) companions[name as CompanionName] = value;
      } else if (name.endsWith('.safetensors')) {
        shards.set(name, await this.remember(this.shards, key, stamp, () => readShard(file, name, status.size, room)));
      } else if (name.endsWith('.onnx')) {
        if (graphs.size >= mostGraphs) return;
        const graph = await this.remember(this.graphs, key, stamp, () => readGraph(file));
        if (graph !== 'pointer') graphs.set(name, graph);
      } else if (name === 'tokenizer.json' && status.size <= largestTokenizer) {
        tokenizer = await this.remember(this.tokenizers, key, stamp, () => readVocabulary(file));
      }
    };
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let name = names[next]; name !== undefined; name = names[next]) {
        next += 1;
        // A file that vanishes or may not be read is as good as absent.
        await look(name).catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: openAtOnce }, worker));
    const byName = <T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
      new Map([...map].sort(([left], [right]) => (left < right ? -1 : 1)));
    return {
      name: path.basename(folder),
      files: byName(files),
      companions,
      shards: byName(shards),
      ...(tokenizer === undefined ? {} : { tokenizer }),
      ...(graphs.size === 0 ? {} : { graphs: byName(graphs) }),
    };
  }

  private async remember<T>(
    cache: Map<string, Remembered<T>>,
    key: string,
    stamp: string,
    read: () => Promise<T>,
  ): Promise<T> {
    const known = cache.get(key);
    if (known?.stamp === stamp) return known.value;
    const value = await read();
    cache.set(key, { stamp, value });
    return value;
  }
}

/** A file as text, without the mark that some editors put first. Throws FileRefused, on pipes and large files too. */
export const readText = async (file: string): Promise<string> =>
  (await readRegular(file, longestText)).toString('utf8').replace(/^\uFEFF/, '');

/** The path to read for a direct child of a folder; undefined when a link leads out of it, other than into a cache's blobs. */
export const containedPath = async (folder: string, name: string): Promise<string | undefined> => {
  const resolved = await resolveInside(folder, name);
  return resolved.ok ? resolved.path : undefined;
};

/** The model folder of a graph: exporters put graphs into a folder `onnx` beside the config. */
export const folderOfGraph = (file: string): string => {
  const holder = path.dirname(file);
  return path.basename(holder) === 'onnx' ? path.dirname(holder) : holder;
};

/** The name of a graph in the facts of its model folder. */
export const graphName = (file: string): string => path.relative(folderOfGraph(file), file).split(path.sep).join('/');
