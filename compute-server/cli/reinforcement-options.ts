/** Options of head reinforcement: `--vhr` and what belongs to it. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ComputeClient } from '../../protocol/compute/client';
import type { PromptInput } from '../../protocol/inputs/prompt';
import { layersOf as layersIn, type Reinforce } from '../../protocol/interventions/reinforce';
import {
  reinforcementExecutors,
  type ReinforcementExecutor,
  type Reinforcement,
} from '../../protocol/interventions/reinforcement';
import { wrongUsage } from './exit-codes';
import { decimal } from './options';
import { addSpanOptions, removedFrom, type SpanOptions } from './span-options';

export const controls = ['random', 'all', 'norm-matched'] as const;

/** Which heads were scaled, as a table names them. */
export const controlName = ({ normMatched, heads }: Pick<Reinforcement, 'normMatched' | 'heads'>): string =>
  normMatched ? 'norm-matched' : heads;

export interface ReinforcementOptions extends SpanOptions {
  readonly vhr?: boolean;
  readonly alpha?: string;
  readonly vhrLayers: 'auto' | readonly number[];
  readonly vhrExecutor: ReinforcementExecutor;
  readonly vhrControl?: (typeof controls)[number];
  readonly seed: number;
}

export function addReinforcementOptions(command: Command): Command {
  return addSpanOptions(
    command
      .option('--vhr', 'reinforce the heads that read the image (or the span) at the first token')
      .option('--alpha <a>', 'factor of the reinforced heads (default: 2)')
      .option(
        '--vhr-layers <layers>',
        'auto (the second and the last 14 of 32), or layers such as 1,18-31',
        layersOf,
        'auto',
      )
      .addOption(
        new Option('--vhr-executor <name>', 'how heads are chosen').choices(reinforcementExecutors).default('in-graph'),
      )
      .addOption(
        new Option(
          '--vhr-control <name>',
          'instead: as many random heads, all heads to the same norm, or the direction alone',
        ).choices(controls),
      ),
  );
}

/** `auto`, or `1,18-31`. */
export function layersOf(text: string): 'auto' | readonly number[] {
  const layers = layersIn(text);
  if (layers === undefined) {
    throw new InvalidArgumentError('It takes auto, or layers from 0 separated by commas, e.g. 1,18-31.');
  }
  return layers;
}

export async function reinforcementFrom(
  options: ReinforcementOptions,
  client: ComputeClient,
  folder: string,
  prompt: PromptInput,
  signal: AbortSignal,
): Promise<Reinforce | undefined> {
  if (!options.vhr) {
    const { alpha, span, vhrControl, vhrLayers, vhrExecutor } = options;
    const given = [alpha, span, vhrControl].some((each) => each !== undefined);
    if (given || vhrLayers !== 'auto' || vhrExecutor !== 'in-graph') {
      throw wrongUsage(
        '--alpha, --span, --vhr-layers, --vhr-executor and --vhr-control belong to reinforcement. Add --vhr, or leave them out.',
      );
    }
    return undefined;
  }
  const alpha = decimal(options.alpha ?? '2');
  if (!Number.isFinite(alpha)) {
    throw wrongUsage(
      `The factor alpha is "${options.alpha ?? ''}". Give a finite number; 1 changes nothing, 2 is the paper's.`,
    );
  }
  const { vhrLayers, vhrControl, vhrExecutor, distance, outliers, positions, seed } = options;
  return {
    kind: 'reinforce',
    alpha,
    ...(vhrLayers === 'auto' ? {} : { layers: vhrLayers }),
    distance,
    outliers,
    positions,
    heads: vhrControl === 'random' ? 'random' : vhrControl === 'all' ? 'all' : 'selected',
    normMatched: vhrControl === 'norm-matched',
    executor: vhrExecutor,
    seed,
    removed: await removedFrom(options.span, client, folder, prompt, signal),
  };
}
