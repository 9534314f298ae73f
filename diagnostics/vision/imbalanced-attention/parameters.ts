/** The parameters of the analysis `imbalanced-attention`, and what they mean for a model. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { layersIn } from '../../shared/layers';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelFacts } from '../../model-runner/model-runner';
import { usualLayers } from '../../shared/pictures/informed-tokens';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are a record.
export type ImbalancedParameters = {
  readonly localRatio: number;
  readonly spatialRatio: number;
  readonly alpha: number;
  readonly beta: number;
  readonly layers: string;
  readonly heads: string;
  readonly tokens: number;
  readonly largest: number;
  readonly truth: string;
  readonly lexicon: string;
};

/** Alphas of the further captions, rising. */
export const alphasUpTo = (largest: number): readonly number[] =>
  largest === 0 ? [] : Array.from({ length: 9 }, (_, at) => Number(((largest * (at + 1)) / 9).toPrecision(6)));

export const headModes = ['all', 'sensitivity'] as const;
export type HeadMode = (typeof headModes)[number];

export const imbalancedParameters: ParameterTable<ImbalancedParameters> = {
  localRatio: field.number(
    'Local tokens',
    'Share of the picture: tokens whose patches the first layer of the encoder attends to most.',
    { min: 0, max: 1, default: 0.25 },
  ),
  spatialRatio: field.number(
    'Spatial tokens',
    'Share of the picture: tokens whose patches receive most attention from the other patches in the first layer of the encoder. 0 in the released code, 0.05 in the best row of the paper.',
    { min: 0, max: 1, default: 0 },
  ),
  alpha: field.number(
    'Alpha',
    'Scores z of local and spatial tokens become z + alpha |z|, in the last row and in generated ones.',
    { min: 0, max: 100, default: 0.7 },
  ),
  beta: field.number(
    'Beta',
    'The same for summary tokens: outliers of the attention in the second last layer of the encoder.',
    { min: 0, max: 100, default: 0.3 },
  ),
  layers: field.text('Layers', 'auto (all from the third on), or layers from 0 such as 2-15,18.', 'auto'),
  heads: field.choice(
    'Heads',
    'all: alike, as in the released code. sensitivity: alpha and beta of each head times its attention on the picture, relative to the largest of its layer.',
    { options: headModes, default: 'all' },
  ),
  tokens: field.integer('Most tokens', 'Captions stop after this many tokens; a word takes one or more.', {
    min: 1,
    max: 2 ** 16,
    default: 48,
  }),
  largest: field.number(
    'Largest alpha',
    'Nine more captions, with alpha in nine steps up to this: to see where the text breaks. 0: none.',
    { min: 0, max: 100, default: 0.9 },
  ),
  truth: field.file(
    'Truth',
    'JSON file with the objects of pictures, by file name: captions are scored by CHAIR. Empty: none.',
  ),
  lexicon: field.file('Words for objects', 'Lines "class, synonym, …"; empty: the classes of COCO.'),
};

/** Fails with a sentence where the model does not have what the parameters name. */
export function layersOf(
  { blocks }: Pick<ModelFacts, 'blocks'>,
  { layers }: Pick<ImbalancedParameters, 'layers'>,
): readonly number[] {
  const named = layersIn(layers);
  if (named === 'auto') return usualLayers(blocks.length);
  const beyond = named.find((layer) => layer >= blocks.length);
  if (beyond !== undefined) {
    throw refusal(`The model has no layer ${beyond}: its layers are 0 to ${blocks.length - 1}.`);
  }
  return [...new Set(named)].sort((a, b) => a - b);
}
