/** What the form of `x-ecomla` asks. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Support } from '../../analysis';
import { conversionFolder } from '../../shared/conversions/folder';
import type { ModelFacts } from '../../model-runner/model-runner';
import { selectionProblem, selections, type Selection } from './selection';
import * as field from '../../../kernels/parameters';

export const initialisations = ['svd', 'random'] as const;
type Initialisation = (typeof initialisations)[number];
type Choice = 'share' | 'energy' | 'rank';

export type EcoMlaParameters = {
  readonly choose: Choice;
  readonly share: number;
  readonly energy: number;
  readonly rank: number;
  readonly ends: boolean;
  readonly rotary: number;
  readonly selection: Selection;
  readonly queryEnergy: number;
  readonly sequences: number;
  readonly length: number;
  readonly initialisation: Initialisation;
  readonly steps: number;
  readonly rate: number;
  readonly folder: string;
};

export const parameters: ParameterTable<EcoMlaParameters> = {
  choose: field.choice(
    'Rank by',
    'share: the cache that is left; energy: the share of the sum of squared singular values that each layer keeps; rank: one number for all layers.',
    { options: ['share', 'energy', 'rank'], default: 'share' },
  ),
  share: field.number(
    'Cache share',
    '(r + d_r) / (2 G d): numbers that a layer caches for a token, of those of its keys and values.',
    { min: 0.1, max: 100, default: 50, unit: '%' },
  ),
  energy: field.number(
    'Energy',
    'Share of the energy of [W_K; W_V] that the rank keeps, counted as in the release; the rank is rounded up to a multiple of 8.',
    {
      min: 0.01,
      max: 1,
      default: 0.95,
    },
  ),
  rank: field.integer('Rank', 'r_kv, the width of the latent.', { min: 1, max: 65536, default: 64 }),
  ends: field.flag(
    'Fixed ends',
    'Gives the first and the last layer this rank even if the other ranks are chosen by energy.',
    false,
  ),
  rotary: field.number(
    'Rotated share of a head',
    'd_r / d: numbers of a query that carry the position; all heads share one key of this width.',
    { min: 0, max: 100, default: 50, unit: '%' },
  ),
  selection: field.choice(
    'Rotated numbers',
    'release: the last numbers of a head, as in the authors’ code, which takes apart the pairs that Llama rotates; pairs (not in the release): whole pairs at their own frequencies.',
    { options: selections, default: 'release' },
  ),
  queryEnergy: field.number(
    'Energy of queries',
    'Share of the energy that queries of low rank keep (the release: 0.99). At 1 they are projected directly, since no cache holds them.',
    { min: 0.01, max: 1, default: 1 },
  ),
  sequences: field.integer(
    'Texts',
    'Texts that errors are measured on, and as many others for distillation, at most.',
    { min: 1, max: 256, default: 4 },
  ),
  length: field.integer('Tokens of a text', 'The first tokens of each text that are read, at most.', {
    min: 2,
    max: 4096,
    default: 128,
  }),
  initialisation: field.choice(
    'Initialisation',
    'svd: singular values; random: normal numbers in the same places, for comparison.',
    { options: initialisations, default: 'svd' },
  ),
  steps: field.integer(
    'Distillation steps',
    'Training of all weights towards the next-token distributions of the model itself, one text a step. 0: none.',
    { min: 0, max: 1_000_000, default: 0 },
  ),
  rate: field.number('Learning rate', 'Largest; the release has 8e-5 for a billion parameters.', {
    min: 0,
    max: 1,
    default: 0.0005,
  }),
  folder: conversionFolder,
};

/** d_r of a share of a head, an even number. */
export const rotaryWidth = (headDim: number, percent: number): number => 2 * Math.round((headDim * percent) / 200);

/** Families whose keys and values are plain products with the normed stream, rotated as a whole. */
const families = ['llama', 'mistral'];

export function supports({ summary, blocks, predicts }: ModelFacts, { rotary, selection }: EcoMlaParameters): Support {
  if (!families.includes(summary.family) || !predicts) {
    return {
      ok: false,
      why: `Latent attention is made of Llama's layout, and this model is of the family ${summary.family}. Choose a model of ${families.join(' or ')}.`,
    };
  }
  if (blocks.some(({ window }) => window !== undefined)) {
    return {
      ok: false,
      why: 'Layers of this model read a window, and latent attention has none. Choose another model.',
    };
  }
  for (const { headDim } of blocks) {
    const width = rotaryWidth(headDim, rotary);
    const problem =
      selectionProblem(headDim, width, selection) ??
      (width > 0 && headDim % width !== 0
        ? `The frequencies of ${width} rotated numbers are among those of a head of ${headDim} where ${width} divides it.`
        : undefined);
    if (problem !== undefined) return { ok: false, why: `${problem} Choose another rotated share, such as 50 %.` };
  }
  return { ok: true };
}
