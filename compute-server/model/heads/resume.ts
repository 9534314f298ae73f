/**
 * What a run of head statistics leaves on disk while it works, so that a killed process loses one layer and not the prompt:
 * the finished layers' numbers and the residual stream behind them. Removed when the run ends; of runs that never ended the
 * newest few are kept.
 *
 * A cache, and no more: what cannot be written or read costs the run nothing but the chance to resume.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { LayerResult, ResidualStream } from '../run/run-request';

export interface Unfinished {
  readonly layers: readonly LayerResult[];
  readonly residual: ResidualStream;
}

/** Runs that never ended and may still be resumed. */
const keptRuns = 4;

export class ResumeFile {
  private readonly folder: string;
  private readonly name: string;

  constructor(cacheFolder: string, key: unknown) {
    this.folder = join(cacheFolder, 'unfinished');
    this.name = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24);
  }

  async read(): Promise<Unfinished | undefined> {
    try {
      const read = deserialize(await readFile(this.path())) as Unfinished & { readonly version: number };
      const whole = read.version === version && read.layers.length === read.residual.layer;
      return whole ? { layers: read.layers, residual: read.residual } : undefined;
    } catch {
      // None, or one of another build: the run starts over.
      return undefined;
    }
  }

  /** Put in place whole: a kill in the middle leaves the older one. Undefined when it worked, else why it did not. */
  async write({ layers, residual }: Unfinished): Promise<string | undefined> {
    const fresh = `${this.path()}.new`;
    try {
      await mkdir(this.folder, { recursive: true });
      await writeFile(fresh, serialize({ version, layers, residual }));
      await rename(fresh, this.path());
      await this.prune();
      return undefined;
    } catch (error) {
      await rm(fresh, { force: true }).catch(() => {});
      return error instanceof Error ? error.message : String(error);
    }
  }

  async remove(): Promise<void> {
    await rm(this.path(), { force: true }).catch(() => {});
  }

  private path(): string {
    return join(this.folder, this.name);
  }

  private async prune(): Promise<void> {
    const names = await readdir(this.folder);
    const aged = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.folder, name))).mtimeMs })),
    );
    aged.sort((a, b) => b.at - a.at);
    for (const { name } of aged.slice(keptRuns)) await rm(join(this.folder, name), { force: true });
  }
}

/** Of the shape of `Unfinished`. */
const version = 3;
