/**
 * Attribution through features: with g(t) the gradient of a logit, or of a logit less another, with respect to what the dictionary writes
 * at token t, the part of feature i is sum over t of f_i(t) s(t) g(t) · W_dec,i. s(t) is what the dictionary multiplies its output with
 * at the token, 1 where it does not scale. It is to first order what the logit loses without what the feature adds there.
 */
import type { Dictionary } from '../../../models/dictionaries/dictionary';
import type { HookPart } from '../../../models/dictionaries/hook';
import { refusal } from '../../../protocol/wire/failures';
import { quotedToken } from '../../../protocol/wire/token-name';
import type { AnalysisJob } from '../../analysis';
import type { GradientTap } from '../../model-runner/gradients';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { namedToken } from '../../model-runner/named-token';
import type { Sequence } from '../../model-runner/sequence';
import type { FeatureParameters } from './parameters';
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
  /** The token whose logit is subtracted. */
  readonly againstId?: number;
  /** Of the token, less that of the other one. */
  readonly logit: number;
  /** [tokens][width] */
  readonly rows: readonly Float64Array[];
}

/** Why there is no attribution, in a sentence. */
export function withoutAttribution({ facts }: ModelRunner, { writes }: Dictionary): string | undefined {
  if (!facts.predicts) return 'Attribution is left out: the model predicts no next token.';
  return gradientTaps[writes.part] === undefined
    ? 'Attribution is left out: what the dictionary writes is read behind a norm.'
    : undefined;
}

/** The tokens that a person names; fails with a sentence where one is none. */
export function namedTarget(
  model: ModelRunner,
  { answer, against }: Pick<FeatureParameters, 'answer' | 'against'>,
): Partial<Pick<PlaceGradient, 'id' | 'againstId'>> {
  const [id, againstId] = [namedToken(model, answer.trim()), namedToken(model, against.trim())];
  return { ...(id === undefined ? {} : { id }), ...(againstId === undefined ? {} : { againstId }) };
}

/** Of the named token, or of the one that the model finds most probable behind the row. */
export async function placeGradient(
  model: ModelRunner,
  prompt: Prompt,
  { variant, groups }: Pick<AnalysisJob<never>, 'variant' | 'groups'>,
  { writes: { layer, part } }: Dictionary,
  { row, id: named, againstId }: Partial<Pick<PlaceGradient, 'id' | 'againstId'>> & { readonly row: number },
): Promise<PlaceGradient> {
  const tap = gradientTaps[part];
  if (!tap) throw new RangeError(`${part} has no gradient`);
  const id = named ?? (await likeliest(model, { ...prompt, groups }, variant, row));
  if (id === againstId) {
    throw refusal(
      `The two tokens of the attribution are the same, ${quotedToken(model.pieces([id])[0] ?? `#${id}`)}. Choose another one in "against".`,
    );
  }
  const { objective, layers } = await model.gradients({
    ...prompt,
    groups,
    variant,
    objective: {
      kind: 'logits',
      terms: [
        { row, token: id, weight: 1 },
        ...(againstId === undefined ? [] : [{ row, token: againstId, weight: -1 }]),
      ],
    },
    taps: [{ layer, tap }],
  });
  const found = layers.find((one) => one.layer === layer)?.taps[tap];
  return {
    id,
    ...(againstId === undefined ? {} : { againstId }),
    logit: objective,
    rows: rowsOf(found, part === 'heads'),
  };
}

async function likeliest(
  model: ModelRunner,
  sequence: Sequence,
  variant: AnalysisJob<never>['variant'],
  row: number,
): Promise<number> {
  const [answers] = await model.answers(sequence, [{ row, tokens: [] }], [variant]);
  const id = answers?.[0]?.largest;
  if (id === undefined) throw new RangeError('the model gave no next token');
  return id;
}

/** `activations`: of the feature at every token, and `scales`: s of every token. */
export function attributionOf(
  { decoder, outputs }: Dictionary,
  feature: number,
  { activations, scales }: { readonly activations: readonly number[]; readonly scales: readonly number[] },
  { rows }: PlaceGradient,
): number {
  let sum = 0;
  activations.forEach((value, at) => {
    if (value === 0) return;
    const row = rows[at];
    const added = value * (scales[at] ?? Number.NaN);
    for (let j = 0; j < outputs; j++) sum += added * (row?.[j] ?? 0) * (decoder[feature * outputs + j] ?? 0);
  });
  return sum;
}
