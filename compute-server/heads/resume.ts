/**
 * What a run of head statistics leaves on disk while it works, so that a killed process loses one layer and not the prompt:
 * the finished layers' numbers and the residual stream behind them. Removed when the run ends; of runs that never ended the
 * newest few are kept.
 *
 * A cache, and no more: what cannot be written or read costs the run nothing but the chance to resume.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { entriesOf, prune, type OwnFolder } from '../../files/own-folder';
import { removeProven } from '../../files/remove';
import { writeInOneStep } from '../../files/write-file';
import type { LayerResult, ResidualStream } from '../model/run/stream/run-request';
import { earlierUnfinished, unfinishedFolder, unfinishedLayers } from '../unfinished-folder';

export interface Unfinished {
  readonly layers: readonly LayerResult[];
  readonly residual: ResidualStream;
}

/** Runs that never ended and may still be resumed. */
const keptRuns = 4;

export class ResumeFile {
  private readonly own: OwnFolder;
  private readonly earlier: string;
  private readonly name: string;

  constructor(cacheFolder: string, key: unknown) {
    this.own = unfinishedFolder(cacheFolder);
    this.earlier = earlierUnfinished(cacheFolder);
    this.name = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24);
  }

  async read(): Promise<Unfinished | undefined> {
    for (const folder of [this.own.path, this.earlier]) {
      const read = unfinishedIn(await readFile(join(folder, this.name)).catch(() => undefined));
      if (read) return read;
    }
    return undefined;
  }

  /** Put in place whole: a kill in the middle leaves the older one. Undefined when it worked, else why it did not. */
  async write({ layers, residual }: Unfinished): Promise<string | undefined> {
    try {
      await this.own.make();
      await writeInOneStep(join(this.own.path, this.name), serialize({ version, layers, residual }), { isCache: true });
      await prune(this.own, {
        kept: keptRuns,
        inUse: this.name,
        form: unfinishedLayers,
        others: await entriesOf(this.earlier, unfinishedLayers),
      });
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async remove(): Promise<void> {
    await this.own.remove(this.name);
    await removeProven(join(this.earlier, this.name), (content) => unfinishedIn(content) !== undefined);
  }
}

/** Undefined of nothing, and of what another build wrote: the run starts over. */
function unfinishedIn(content: Buffer | undefined): Unfinished | undefined {
  if (content === undefined) return undefined;
  try {
    const read = deserialize(content) as Unfinished & { readonly version: number };
    const whole = read.version === version && read.layers.length === read.residual.layer;
    return whole ? { layers: read.layers, residual: read.residual } : undefined;
  } catch {
    return undefined;
  }
}

/** The version of the form of `Unfinished`. */
const version = 3;
