/**
 * The steps of an analysis on disk while it runs, so that a run that was cancelled or whose process died goes on behind them.
 * One file a step, put in place whole; removed when the run ends. Of runs that never ended the newest few are kept.
 *
 * A cache, and no more: what cannot be written or read costs the run nothing but the chance to resume, and a step that is not as
 * this version wrote it is measured again.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { entriesOf, hashName, OwnFolder, prune } from '../../files/own-folder';
import { removeEmpty, removeProven, type Form } from '../../files/remove';
import { writeInOneStep } from '../../files/write-file';
import { unfinishedFolder, abandoned } from '../unfinished-folder';
import type { Standing } from '../../diagnostics/analysis';
import { fieldsIn } from '../../protocol/schema/fields';
import { headscopeVersion } from '../version';

/** Runs that never ended and may still be resumed. */
const keptRuns = 8;
/** A step that took less is run again sooner than it is read. */
const worthKeepingMs = 20;

interface KeptStep {
  readonly version: 2;
  /** That wrote it: another version may compute another value, or one of another shape. */
  readonly headscope: string;
  readonly key: string;
  /** SHA-256 of key and value in hex: a value that was changed since is not taken. */
  readonly digest: string;
  /** Serialised. */
  readonly value: Uint8Array;
}

/** As they were written before 2026-12, straight into the folder that a person names. They are read, and none is written. */
interface EarlierStep {
  readonly version: 1;
  readonly key: string;
  readonly value: unknown;
}

/** A run that ends sooner leaves nothing to go on from between two steps. */
const standingAfterMs = 2000;
const standingKey = 'where the run stands';

/** What the steps were measured on, beside the request: kept with them, so that steps of earlier documents are known as such. */
export interface Reads {
  /** Everything that the values depend on, without what is read. */
  readonly request: unknown;
  /** Hash of what is read. */
  readonly content: string;
}

const readsKey = 'what the run reads';
const isReads = (value: unknown): value is { readonly request: string; readonly content: string } => {
  const { request, content } = fieldsIn(value);
  return typeof request === 'string' && typeof content === 'string';
};

/** Kept beside the steps. */
const beside = [standingKey, readsKey];

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);
const fileOf = (key: string): string => `${hashOf(key)}.step`;
const digestOf = (key: string, value: Uint8Array): string =>
  createHash('sha256').update(`${headscopeVersion}\n${key}\n`).update(value).digest('hex');

/** A folder for each run, a file for each step. */
const form: Form = { folders: { names: hashName, hold: { files: /^[0-9a-f]{24}\.step$/ } } };
const folderName = 'headscope-steps';

export interface StepFolders {
  /** Where `headscope-steps` lies. */
  readonly root: string;
  /** Where earlier versions kept the steps of all runs. */
  readonly earlier: string;
}

/** `keepIn`: the folder that a person named. */
export const stepFolders = (keepIn: string | undefined, cacheFolder: string): StepFolders => ({
  root: keepIn ?? cacheFolder,
  earlier: keepIn ?? join(cacheFolder, 'unfinished-analyses'),
});

export class StepStore {
  private readonly own: OwnFolder;
  private readonly name: string;
  private readonly earlier: string;
  private readonly mine = new Set<string>();
  private readonly opened = performance.now();
  /** Files of steps that this run took, or could have taken, from disk. */
  private readonly present = new Set<string>();
  /** Values on disk led a run to fail: none is read any more. */
  private distrusted = false;
  private written = 0;
  private reusedSteps = 0;
  private failed = false;
  /** Why the first step that could not be written was not; whoever says so takes it away. */
  problem: string | undefined;

  /** `key`: everything that the values depend on. */
  constructor(
    private readonly folders: StepFolders,
    key: unknown,
    private readonly reads?: Reads,
  ) {
    this.own = new OwnFolder(folders.root, folderName, form);
    this.name = hashOf(JSON.stringify(key));
    this.earlier = join(folders.earlier, this.name);
  }

  /** Steps on disk. */
  get kept(): number {
    return this.present.size;
  }

  /** Steps that this run took from disk. */
  get reused(): number {
    return this.reusedSteps;
  }

  async open(): Promise<void> {
    for (const folder of [join(this.own.path, this.name), this.earlier]) {
      for (const { name } of await entriesOf(folder, form.folders?.hold ?? {})) this.present.add(name);
    }
    for (const key of beside) this.present.delete(fileOf(key));
  }

  /** Steps on disk of runs of the same request that did not end and read something else. None of them is taken. */
  async ofOtherContent(): Promise<number> {
    const { reads } = this;
    if (!reads) return 0;
    const request = hashOf(JSON.stringify(reads.request));
    const counts = (await this.own.entries()).map(async ({ name }) => {
      const folder = join(this.own.path, name);
      const other = (await read(join(folder, fileOf(readsKey)), readsKey))?.value;
      if (!isReads(other) || other.request !== request || other.content === reads.content) return 0;
      const files = (await entriesOf(folder, form.folders?.hold ?? {})).map((entry) => entry.name);
      return files.filter((file) => !beside.some((key) => fileOf(key) === file)).length;
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  /** A value that takes the place of the one before. */
  readonly standing: Standing = {
    read: async () => {
      if (this.distrusted) return undefined;
      return (await read(join(this.own.path, this.name, fileOf(standingKey)), standingKey))?.value;
    },
    write: async (make) => {
      if (performance.now() - this.opened < standingAfterMs) return;
      await this.write(fileOf(standingKey), standingKey, await make());
    },
  };

  async step<T>(key: string, act: () => Promise<T>): Promise<T> {
    if (this.mine.has(key)) throw new RangeError(`two steps of one run are called "${key}"`);
    this.mine.add(key);
    const file = fileOf(key);
    const before = this.distrusted
      ? undefined
      : ((await read(join(this.own.path, this.name, file), key)) ?? (await readEarlier(join(this.earlier, file), key)));
    if (before) {
      this.reusedSteps += 1;
      return before.value as T;
    }
    const started = performance.now();
    const value = await act();
    if (performance.now() - started >= worthKeepingMs) await this.write(file, key, value);
    return value;
  }

  /** For a run that starts over because values of earlier runs made it fail: every step is measured. */
  startOver(): void {
    this.distrusted = true;
    this.reusedSteps = 0;
    this.mine.clear();
  }

  /** Removes the steps of this run; those of others stay. */
  async remove(): Promise<void> {
    await this.own.remove(this.name);
    for (const { name } of await entriesOf(this.earlier, form.folders?.hold ?? {})) {
      await removeProven(join(this.earlier, name), (content) => {
        const step = earlierStep(content);
        return step !== undefined && `${hashOf(step.key)}.step` === name;
      });
    }
    await removeEmpty(this.earlier);
  }

  private async write(file: string, key: string, value: unknown): Promise<void> {
    try {
      await this.own.make();
      const folder = join(this.own.path, this.name);
      await mkdir(folder, { recursive: true });
      const keep = (name: string, of: string, what: unknown): Promise<void> =>
        writeInOneStep(join(folder, name), serialize(stepOf(of, what)), { isCache: true });
      if (this.written === 0 && this.reads) {
        const { request, content } = this.reads;
        await keep(fileOf(readsKey), readsKey, { request: hashOf(JSON.stringify(request)), content });
      }
      await keep(file, key, value);
      if (this.written === 0) {
        const others = (await entriesOf(this.folders.earlier, form)).filter(({ name }) => name !== this.name);
        await prune(this.own, { kept: keptRuns, inUse: this.name, others });
        await prune(unfinishedFolder(this.folders.root), { kept: 0, inUse: '', others: [], form: abandoned });
      }
      this.written += 1;
      if (key !== standingKey) this.present.add(file);
    } catch (error) {
      if (!this.failed) this.problem = error instanceof Error ? error.message : String(error);
      this.failed = true;
    }
  }
}

function stepOf(key: string, value: unknown): KeptStep {
  const bytes = serialize(value);
  return { version: 2, headscope: headscopeVersion, key, digest: digestOf(key, bytes), value: bytes };
}

/** Undefined where there is none, or where it is not as this version wrote it. */
async function read(path: string, key: string): Promise<{ readonly value: unknown } | undefined> {
  try {
    const step = deserialize(await readFile(path)) as Partial<KeptStep> | null;
    if (step?.version !== 2 || step.headscope !== headscopeVersion || step.key !== key) return undefined;
    if (!(step.value instanceof Uint8Array) || step.digest !== digestOf(key, step.value)) return undefined;
    return { value: deserialize(step.value) };
  } catch {
    return undefined;
  }
}

async function readEarlier(path: string, key: string): Promise<{ readonly value: unknown } | undefined> {
  try {
    const step = earlierStep(await readFile(path));
    return step?.key === key && isTree(step.value) ? { value: step.value } : undefined;
  } catch {
    return undefined;
  }
}

function earlierStep(content: Buffer): EarlierStep | undefined {
  try {
    const step = deserialize(content) as Partial<EarlierStep> | null;
    return step?.version === 1 && typeof step.key === 'string' && 'value' in step ? (step as EarlierStep) : undefined;
  } catch {
    return undefined;
  }
}

/** No value of a step holds itself. One that does was not written by Headscope, and would be walked for ever. */
function isTree(value: unknown, above: readonly object[] = []): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return true;
  if (above.includes(value) || above.length > 100) return false;
  const inner: Iterable<unknown> =
    value instanceof Map ? [...value].flat() : value instanceof Set ? value : Object.values(value);
  for (const one of inner) if (!isTree(one, [...above, value])) return false;
  return true;
}
