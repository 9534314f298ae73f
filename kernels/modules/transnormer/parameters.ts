/** What a TransNormerLLM layer takes, and its weights by their published names. */
import { lightningAttention } from '../../mechanisms/lightning/attention';
import { headAngles } from '../../mechanisms/lightning/rotation';
import { transnormerSlopes } from '../../mechanisms/lightning/attention';
import type { ParameterTable } from '../../mechanism';
import type { ModuleWeight } from '../../module';
import { evenly } from '../../module-parts/weights';
import type { BlockForm } from '../../mechanisms/lightning/blocks';
import * as field from '../../parameters';

export interface TnlParameters extends Record<string, number | string | boolean> {
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
  readonly hidden: number;
  readonly glu: number;
  readonly layer: number;
  readonly layers: number;
  readonly decay: 'code' | 'paper' | 'none';
  readonly rotation: boolean;
  readonly features: 'swish' | 'elu + 1' | 'none';
  readonly gate: boolean;
  readonly block: number;
  readonly form: BlockForm;
  readonly batch: number;
}

export const tnlParameters: ParameterTable<TnlParameters> = {
  tokens: field.integer('Tokens', 'n, in their order.', { min: 1, max: 8192, default: 512 }),
  width: field.integer('Width', 'D, features of a token.', { min: 1, max: 1024, default: 256 }),
  heads: field.integer('Heads', 'H; of width 128 as published.', { min: 1, max: 64, default: 4 }),
  hidden: field.integer(
    'Hidden width',
    'Of queries, keys, values and gates together (`hidden_dim`); the width as published.',
    { min: 1, max: 1024, default: 256 },
  ),
  glu: field.integer('Width of the gated unit', 'Features inside the channel mixer (`glu_dim`).', {
    min: 1,
    max: 4096,
    default: 704,
  }),
  layer: lightningAttention.parameters.layer,
  layers: lightningAttention.parameters.layers,
  decay: field.choice(
    'Decay',
    'By head and layer. code: slopes 2^(-8 h / H) (1 - l / (L - 1) + 1e-5); paper: (8 h / H) (1 - l / L), which fades far faster.',
    { options: ['code', 'paper', 'none'], default: 'code' },
  ),
  rotation: field.flag(
    'Rotation',
    'Scores turn with the distance by learned angles (LRPE); in the first layer only, as published.',
    true,
  ),
  features: field.choice('Features', 'Activation of queries and keys; swish as published.', {
    options: ['swish', 'elu + 1', 'none'],
    default: 'swish',
  }),
  gate: field.flag(
    'Output gate',
    'The normalized output times U, a linear layer of the input; off for the ablation without it.',
    true,
  ),
  block: field.integer(
    'Block',
    'Tokens that are multiplied directly before the state takes over; 256 in the released code.',
    { min: 1, max: 4096, default: 64 },
  ),
  form: field.choice(
    'Form',
    'loop: block after block, with one state in memory; parallel: the products of all blocks at once.',
    { options: ['loop', 'parallel'], default: 'loop' },
  ),
  batch: field.integer('Batch', 'Sequences in a call.', { min: 1, max: 64, default: 1 }),
};

export const headWidth = ({ hidden, heads }: Pick<TnlParameters, 'hidden' | 'heads'>): number => hidden / heads;

/** -log(lambda) of each head. */
export const slopesOf = ({ heads, decay, layer, layers }: TnlParameters): readonly number[] =>
  transnormerSlopes(heads, { decay, layer, layers });

export function refuseTnl({ hidden, heads, layer, layers }: TnlParameters): string | undefined {
  if (hidden % heads !== 0) return `${hidden} features do not divide into ${heads} heads.`;
  return layer >= layers ? `Layer ${layer} is none of ${layers} layers, which count from 0.` : undefined;
}

const matrix = (name: string, out: number, inner: number): ModuleWeight => ({
  name: `${name}.weight`,
  shape: [out, inner],
  initial: evenly(inner),
});

export function tnlWeights(parameters: TnlParameters): readonly ModuleWeight[] {
  const { width, heads, hidden, glu, rotation } = parameters;
  const d = headWidth(parameters);
  return [
    matrix('token_mixer.qkvu_proj', 4 * hidden, width),
    matrix('token_mixer.out_proj', width, hidden),
    ...(rotation
      ? [
          {
            name: 'token_mixer.lrpe.theta',
            shape: [heads, 1, d],
            initial: { kind: 'numbers', values: headAngles(heads, d).flat() },
          } as const,
        ]
      : []),
    matrix('channel_mixer.l1', glu, width),
    matrix('channel_mixer.l2', glu, width),
    matrix('channel_mixer.l3', width, glu),
  ];
}

export function tnlSizes(shapeOf: (name: string) => readonly number[] | undefined): Partial<TnlParameters> {
  const [projection, theta, unit] = [
    shapeOf('token_mixer.qkvu_proj.weight'),
    shapeOf('token_mixer.lrpe.theta'),
    shapeOf('channel_mixer.l1.weight'),
  ];
  if (!projection || !unit) return {};
  return {
    width: projection[1]!,
    hidden: projection[0]! / 4,
    glu: unit[0]!,
    rotation: theta !== undefined,
    ...(theta ? { heads: theta[0]! } : {}),
  };
}
