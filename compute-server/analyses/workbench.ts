/** What an experiment works with in the compute server. */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { folderParameter, type CheckpointFiles, type NetworkFiles, type Workbench } from '../../diagnostics/experiment';
import type { ParameterValues, ModelSummary } from '../../protocol/schema/parts';
import { ServerRunner } from '../runner/runner';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import type { Surroundings } from '../surroundings';
import { ServerTrainer } from '../runner/server-trainer';
import { writeCheckpoint, writeNetworks } from '../training/write-checkpoint';

/** Opens the model of a folder; the one that was open before is closed. */
export type OpenModel = (folder: string) => Promise<LoadedModel>;

/**
 * Where the models of a run are written. Without a folder of the person's own, one for each combination of seed and parameters: the
 * same run writes the same model.
 */
export function experimentFolder(
  { cacheFolder }: Pick<Surroundings, 'cacheFolder'>,
  id: string,
  { [folderParameter]: chosen = '', ...rest }: ParameterValues,
  seed: number,
): string {
  if (chosen !== '') return resolve(String(chosen));
  const sorted = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256')
    .update(JSON.stringify([sorted, seed]))
    .digest('hex')
    .slice(0, 8);
  return join(cacheFolder, 'experiments', `${id}-${hash}`);
}

export class ServerWorkbench implements Workbench {
  readonly trainer: ServerTrainer;
  /** The first model that was written, with its folder. */
  first: LoadedModel | undefined;
  /** The networks that were written. */
  written: ModelSummary | undefined;

  constructor(
    private readonly experiment: string,
    private readonly folder: string,
    private readonly open: OpenModel,
    private readonly surroundings: Surroundings,
    readonly signal: AbortSignal,
  ) {
    this.trainer = new ServerTrainer(surroundings, signal);
  }

  /** What was written counts as not written: the run starts over. */
  forget(): void {
    this.first = undefined;
    this.written = undefined;
  }

  async model(files: CheckpointFiles, name = ''): Promise<ServerRunner> {
    const folder = join(this.folder, name);
    await writeCheckpoint(folder, this.experiment, files);
    const opened = await this.open(folder);
    this.first ??= opened;
    return new ServerRunner(opened, opened, this.surroundings, this.signal);
  }

  async networks(files: NetworkFiles): Promise<string> {
    this.written = await writeNetworks(this.folder, this.experiment, files);
    return this.folder;
  }
}
