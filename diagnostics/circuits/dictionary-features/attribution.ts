/**
 * Attribution through features: with g(t) the gradient of a logit with respect to what the dictionary writes at token t, the part of
 * feature i is sum over t of f_i(t) g(t) · W_dec,i. It is the change of the logit to first order if the feature were 0.
 */
import type { Dictionary } from '../../../models/dictionaries/dictionary';
import type { HookPart } from '../../../models/dictionaries/hook';
import type { AnalysisJob } from '../../analysis';
import type { GradientTap } from '../../model-runner/gradients';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { rowsOf } from './place-values';

/** The tap whose gradient is that of the place: what attention adds has that of the stream behind it. */
const gradientTaps: Readonly<Partial<Record<HookPart, GradientTap>>> = {
  'stream-in': 'residual.input',
  'stream-mid': 'attention.output',
  'stream-out': 'residual',
  'attention-out': 'attention.output',
  heads: 'attention.head_output',
  'network-out': 'mlp_output',
};

export interface PlaceGradient {
  readonly id: number;
  readonly logit: number;
  /** [tokens][width] */
  readonly rows: readonly Float64Array[];
}

/** Why there is no attribution, in a sentence. */
export function withoutAttribution({ facts }: ModelRunner, { writes, scale }: Dictionary): string | undefined {
  if (!facts.predicts) return 'Attribution is left out: the model predicts no next token.';
  if (scale !== 'none') return 'Attribution is left out: the dictionary scales each token by its own size.';
  return gradientTaps[writes.part] === undefined
    ? 'Attribution is left out: what the dictionary writes is read behind a norm.'
    : undefined;
}

/** Of the logit of the token that the model finds most probable behind the row. */
export async function placeGradient(
  model: ModelRunner,
  prompt: Prompt,
  { variant, groups }: Pick<AnalysisJob<never>, 'variant' | 'groups'>,
  { writes: { layer, part } }: Dictionary,
  row: number,
): Promise<PlaceGradient> {
  const tap = gradientTaps[part];
  if (!tap) throw new RangeError(`${part} has no gradient`);
  const [answers] = await model.answers({ ...prompt, groups }, [{ row, tokens: [] }], [variant]);
  const id = answers?.[0]?.largest;
  if (id === undefined) throw new RangeError('the model gave no next token');
  const { objective, layers } = await model.gradients({
    ...prompt,
    groups,
    variant,
    objective: { kind: 'logits', terms: [{ row, token: id, weight: 1 }] },
    taps: [{ layer, tap }],
  });
  const found = layers.find((one) => one.layer === layer)?.taps[tap];
  return { id, logit: objective, rows: rowsOf(found, part === 'heads') };
}

/** `activations`: of the feature at every token. */
export function attributionOf(
  { decoder, outputs }: Dictionary,
  feature: number,
  activations: readonly number[],
  { rows }: PlaceGradient,
): number {
  let sum = 0;
  activations.forEach((value, at) => {
    if (value === 0) return;
    const row = rows[at];
    for (let j = 0; j < outputs; j++) sum += value * (row?.[j] ?? 0) * (decoder[feature * outputs + j] ?? 0);
  });
  return sum;
}
