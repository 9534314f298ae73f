/** What a cell of a sweep takes before it runs: the compute server is asked as the command of the cell would ask it. */
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import type { ComputeClient } from '../../protocol/compute/client';
import type { Cell } from '../../protocol/sweeps/cells';
import type { RunInfo } from '../../protocol/sweeps/catalogue';
import type { CellSettings, SweepValue } from '../../protocol/sweeps/sweep-file';
import { FailureError } from '../../protocol/wire/failures';
import { bytesInWords, sentenceOf } from '../../protocol/wire/words';
import { heldShare } from '../analyses/run-progress';
import type { CellEstimate, EstimateOfCell } from '../sweeps/cell-work';
import type { OpenedSweep } from '../sweeps/opened-sweep';
import { addAnalysisOptions, analysisNamed, requestFrom, type AnalysisOptions } from './analysis-run';
import { CommandError } from './exit-codes';
import { environmentOf, type PlaceOptions } from './model-options';
import type { CommandSession } from './session';

/** Starts a compute server for the cells, and another one where they need another environment. */
export function cellEstimates(session: CommandSession, opened: OpenedSweep, run: RunInfo): EstimateOfCell {
  const { memoryBytes, threads } = opened.resources;
  const common = {
    ...opened.shell,
    ...(memoryBytes === undefined ? {} : { HEADSCOPE_MEMORY_LIMIT: String(memoryBytes) }),
    ...(threads === 0 ? {} : { HEADSCOPE_THREADS: String(threads) }),
  };
  let client: ComputeClient | undefined;
  let environment = '';
  const clientFor = (options: PlaceOptions): ComputeClient => {
    const own = { ...common, ...environmentOf(options) };
    if (client === undefined || JSON.stringify(own) !== environment) {
      client?.dispose();
      client = session.compute(own);
      environment = JSON.stringify(own);
    }
    return client;
  };
  return async (cell) => {
    const settings = withFullPaths(opened, cell.settings);
    try {
      if (run.command === 'run') return await analysisEstimate(session, opened, settings, clientFor, cell);
      const model = settings['model'];
      if (memoryBytes === undefined || typeof model !== 'string') return {};
      await clientFor({ threads: 0 }).call('openModel', [model], { signal: session.signal });
      return {};
    } catch (error) {
      return refusalOf(error, opened, cell);
    }
  };
}

async function analysisEstimate(
  session: CommandSession,
  opened: OpenedSweep,
  settings: CellSettings,
  clientFor: (options: PlaceOptions) => ComputeClient,
  cell: Cell,
): Promise<CellEstimate> {
  const { id, model, options } = parsed(opened.program.words(settings, []).slice(1));
  const client = clientFor(options);
  const info = await analysisNamed(client, id);
  const request = await requestFrom(session, client, { info, model }, options);
  const {
    supported,
    seconds,
    bytes = 0,
  } = await client.call('estimateAnalysis', [request], { signal: session.signal });
  // The folder of an experiment is that of its cell, which is not known yet.
  if (supported !== true) return info.trains ? {} : { refused: supported };
  const needed = bytes / heldShare;
  const { memoryBytes = Infinity } = opened.resources;
  if (needed > memoryBytes) return { neverFits: neverFits(opened, cell, `needs ${bytesInWords(needed)}`) };
  return seconds === undefined ? {} : { seconds };
}

/** The words of `headscope run`, read without running it. */
function parsed(words: readonly string[]): {
  readonly id: string;
  readonly model: string | undefined;
  readonly options: AnalysisOptions;
} {
  let read: { id: string; model: string | undefined; options: AnalysisOptions } | undefined;
  addAnalysisOptions(new Command('run').argument('<analysis>').argument('[model]'))
    // A second run, on the base, takes about as long.
    .option('--with-base')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .action((id: string, model: string | undefined, options: AnalysisOptions) => {
      read = { id, model, options };
    })
    .parse([...words], { from: 'user' });
  if (!read) throw new RangeError('the words name no analysis');
  return read;
}

/** Cells run in the folder of the sweep. */
function withFullPaths({ program, folder }: OpenedSweep, settings: CellSettings): CellSettings {
  const full: Record<string, SweepValue> = { ...settings };
  for (const [name, path] of program.paths(settings)) {
    const value = full[name] ?? '';
    const list = typeof value === 'object' ? value : [value];
    const changed = list.map((one) => (String(one) === path ? resolve(folder.base, path) : one));
    full[name] = typeof value === 'object' ? changed : (changed[0] ?? '');
  }
  return full;
}

/** What is not known has no estimate: its cell runs, and says itself what is wrong. */
function refusalOf(error: unknown, opened: OpenedSweep, cell: Cell): CellEstimate {
  if (error instanceof CommandError || error instanceof CommanderError) return { refused: error.message };
  if (!(error instanceof FailureError)) throw error;
  const { failure } = error;
  if (failure.code === 'out-of-memory') {
    const { part, neededBytes, device } = failure;
    if (device !== undefined || opened.resources.memoryBytes === undefined) return {};
    const takes = bytesInWords(neededBytes);
    return {
      neverFits: neverFits(opened, cell, part === undefined ? `needs ${takes}` : `opens ${part}, which takes ${takes}`),
    };
  }
  const ofCell = ['bad-request', 'unsupported', 'model-unusable'].includes(failure.code);
  return ofCell ? { refused: sentenceOf(failure) } : {};
}

function neverFits({ resources: { memoryBytes = 0 } }: OpenedSweep, { own }: Cell, needs: string): string {
  const values = Object.entries(own).filter(([name]) => name !== 'seed');
  const which = values.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ');
  return `A cell ${which === '' ? '' : `with ${which} `}${needs}, and can never run with the ${bytesInWords(memoryBytes)} of resources.memory. Raise resources.memory, or leave the cell out under exclude.`;
}
