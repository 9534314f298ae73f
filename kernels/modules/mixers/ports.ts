/** What the token mixers take and give, and their samples. */
import type { Parameter } from '../../mechanism';
import type { ModuleInput, ModuleOutput, PlainAttention, Sample } from '../../module';
import { mapped } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { tokensInput, tokensOutput } from '../../module-parts/token-ports';
import { normalTensor, seedFor } from '../../tensors/random';
import * as field from '../../parameters';

export interface MixerSize extends Record<string, number | string | boolean> {
  readonly tokens: number;
  readonly width: number;
  readonly batch: number;
}

export const sizeParameters = (
  most: number,
): Record<'tokens' | 'width' | 'batch', Extract<Parameter, { kind: 'integer' }>> => ({
  tokens: field.integer('Tokens', 'n, in their order.', { min: 1, max: most, default: 256 }),
  width: field.integer('Width', 'D, features of a token.', { min: 1, max: 1024, default: 128 }),
  batch: field.integer('Batch', 'Sequences in a call.', { min: 1, max: 64, default: 1 }),
});

export const mixerInputs = (size: MixerSize): readonly ModuleInput[] => [tokensInput(size, 'in their order')];

export const mixerOutputs = (size: MixerSize): readonly ModuleOutput[] => [tokensOutput(size, 'Mixed tokens')];

export const plainMixer = ({ batch, tokens, width }: MixerSize): PlainAttention => ({
  batch,
  queries: tokens,
  keys: tokens,
  width,
  heads: headsFor(width),
});

export const mixerSamples = <P extends MixerSize>(): readonly [Sample<P>, Sample<P>] => [
  {
    id: 'normal',
    title: 'Normal numbers',
    description: 'Standard normal tokens.',
    draw: ({ batch, tokens, width }, seed) => ({ x: normalTensor([batch, tokens, width], seed) }),
  },
  {
    id: 'pulse',
    title: 'One token',
    description:
      'One token of large features at a quarter of the sequence among small noise: the output shows where it goes.',
    draw: ({ batch, tokens, width }, seed) => {
      const at = Math.floor(tokens / 4);
      const mark = normalTensor([width], seedFor(seed, 'mark'), 5).data;
      const noise = normalTensor([batch, tokens, width], seedFor(seed, 'noise'), 0.1);
      return {
        x: mapped(noise, (value, place) =>
          Math.floor(place / width) % tokens === at ? value + mark[place % width]! : value,
        ),
      };
    },
  },
];

/** Rows and columns of a heat map: a cell is still seen at that many. */
export const mostShown = 128;
