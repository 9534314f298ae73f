/**
 * The steps of an analysis on disk while it runs, so that a run that was cancelled or whose process died goes on behind them.
 * One file a step, put in place whole; removed when the run ends. Of runs that never ended the newest few are kept.
 *
 * A cache and no more: what cannot be written or read costs the run nothing but the chance to resume.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';

/** Runs that never ended and may still be resumed. */
const keptRuns = 8;
/** A step that took less is run again sooner than it is read. */
const worthKeepingMs = 20;

interface KeptStep {
  readonly version: 1;
  readonly key: string;
  readonly value: unknown;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

export class KeptSteps {
  private readonly folder: string;
  private readonly mine = new Set<string>();
  #kept = 0;
  #reused = 0;
  /** Why the first step that could not be written was not. */
  problem: string | undefined;

  /** `root`: the folder of all unfinished runs; `key`: everything that the values depend on. */
  constructor(
    private readonly root: string,
    key: unknown,
  ) {
    this.folder = join(this.root, hashOf(JSON.stringify(key)));
  }

  /** Steps on disk. */
  get kept(): number {
    return this.#kept;
  }

  /** Steps that this run took from disk. */
  get reused(): number {
    return this.#reused;
  }

  async open(): Promise<void> {
    this.#kept = (await readdir(this.folder).catch(() => [])).filter((name) => name.endsWith('.step')).length;
  }

  async step<T>(key: string, act: () => Promise<T>): Promise<T> {
    if (this.mine.has(key)) throw new RangeError(`two steps of one run are called "${key}"`);
    this.mine.add(key);
    const path = join(this.folder, `${hashOf(key)}.step`);
    const before = await read(path, key);
    if (before) {
      this.#reused += 1;
      return before.value as T;
    }
    const started = performance.now();
    const value = await act();
    if (performance.now() - started >= worthKeepingMs) await this.write(path, { version: 1, key, value });
    return value;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true }).catch(() => {});
  }

  private async write(path: string, step: KeptStep): Promise<void> {
    const fresh = `${path}.new`;
    try {
      await mkdir(this.folder, { recursive: true });
      await writeFile(fresh, serialize(step));
      await rename(fresh, path);
      if (this.#kept === 0) await this.prune();
      this.#kept += 1;
    } catch (error) {
      await rm(fresh, { force: true }).catch(() => {});
      this.problem ??= error instanceof Error ? error.message : String(error);
    }
  }

  private async prune(): Promise<void> {
    const names = await readdir(this.root);
    const aged = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.root, name))).mtimeMs })),
    );
    aged.sort((a, b) => b.at - a.at);
    for (const { name } of aged.slice(keptRuns)) await rm(join(this.root, name), { recursive: true, force: true });
  }
}

/** Undefined where there is none, or one of another build. */
async function read(path: string, key: string): Promise<KeptStep | undefined> {
  try {
    const step = deserialize(await readFile(path)) as KeptStep;
    return step.version === 1 && step.key === key ? step : undefined;
  } catch {
    return undefined;
  }
}
