/** Options of the commands that leave out an image or a span of text. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ComputeClient } from '../../protocol/compute/client';
import type { PromptInput } from '../../protocol/inputs/prompt';
import {
  outlierRules,
  removedPositions,
  vhdDistances,
  type OutlierRule,
  type RemovedPositions,
  type VhdDistance,
  type Removed,
} from '../../protocol/interventions/reinforcement';
import { wrongUsage } from './exit-codes';

export interface SpanOptions {
  readonly span?: SpanOption;
  readonly distance: VhdDistance;
  readonly outliers: OutlierRule;
  readonly positions: RemovedPositions;
}

interface SpanOption {
  readonly unit: 'tokens' | 'characters';
  readonly start: number;
  readonly end: number;
}

export function addSpanOptions(command: Command): Command {
  return command
    .option(
      '--span <from:to>',
      'leave out these tokens of the prompt instead of an image (from 0, the end not included); chars:from:to counts characters of the text',
      spanOption,
    )
    .addOption(new Option('--distance <name>', 'how outputs are compared').choices(vhdDistances).default('l2'))
    .addOption(
      new Option('--outliers <rule>', 'which bursting heads count as 0').choices(outlierRules).default('paper'),
    )
    .addOption(
      new Option('--positions <kind>', 'positions of what is left: closed up, or as they were')
        .choices(removedPositions)
        .default('contiguous'),
    );
}

function spanOption(text: string): SpanOption {
  const parts = /^(?:(tokens|chars):)?(\d+):(\d+)$/.exec(text.trim());
  const [start, end] = [Number(parts?.[2]), Number(parts?.[3])];
  if (!parts || !(start < end)) {
    throw new InvalidArgumentError('It takes from:to, e.g. 3:40 for tokens 3 to 39, or chars:0:120 for characters.');
  }
  return { unit: parts[1] === 'chars' ? 'characters' : 'tokens', start, end };
}

/** What is left out: the span, or else the image. Characters become the tokens that share a character with them. */
export async function removedFrom(
  span: SpanOption | undefined,
  client: ComputeClient,
  folder: string,
  prompt: PromptInput,
  signal: AbortSignal,
): Promise<Removed> {
  if (!span) return { kind: 'image' };
  const { unit, start, end } = span;
  if (unit === 'tokens') return { kind: 'span', start, end };
  const { offsets } = await client.call('tokenise', [folder, prompt], { signal });
  if (!offsets) {
    throw wrongUsage(
      'Characters can be counted only in a prompt that is text without a chat template and without an image. Give --span in tokens.',
    );
  }
  const inside = offsets.flatMap(([from, to], token) => (from < end && to > start ? [token] : []));
  const [first, last] = [inside[0], inside.at(-1)];
  if (first === undefined || last === undefined) {
    throw wrongUsage(`No token of the prompt is in characters ${start} to ${end}. Choose a range inside the text.`);
  }
  return { kind: 'span', start: first, end: last + 1 };
}
