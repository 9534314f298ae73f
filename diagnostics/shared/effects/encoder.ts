/**
 * Heads of the encoder of an encoder-decoder: their outputs on a source, and the metric of the decoder when a run of the encoder is
 * changed. The whole source is then encoded again, and the decoder, itself unchanged, reads the result.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence, SourceRows } from '../../model-runner/sequence';
import { Outputs } from './outputs';
import type { Pair } from './pairs';
import { measured, type Subject, type Subjects } from './subjects';

export function encoderOf(model: ModelRunner): ModelRunner {
  const encoder = model.source();
  if (!encoder) throw new RangeError('the model is no encoder-decoder');
  return encoder;
}

export function sourceIn({ source }: Sequence): SourceRows {
  if (!source) throw new RangeError('the prompt has no source');
  return source;
}

/** A source as the encoder reads it. */
export const encoderInput = ({ ids, embeddings, variantGroups }: SourceRows): Sequence => ({
  ids,
  ...(embeddings ? { embeddings } : {}),
  ...(variantGroups ? { groups: variantGroups } : {}),
});

/** `wanted`: layers of the encoder; absent: all. */
export const encoderOutputs = (model: ModelRunner, source: SourceRows, wanted?: readonly number[]): Promise<Outputs> =>
  Outputs.of(encoderOf(model), encoderInput(source), source.variant ?? [], ['head'], wanted);

type Measured = Pick<Subject, 'asked' | 'right' | 'embedding'>;

/** The metric on the source as it is, then with each of these changes added to those of its encoder: [1 + changes][values]. */
export async function measuredOnSources(
  model: ModelRunner,
  sequence: Sequence,
  { variant, subject, metric }: { readonly variant: Variant; readonly subject: Measured } & Pick<Subjects, 'metric'>,
  changes: readonly Variant[],
): Promise<readonly (readonly number[])[]> {
  const source = sourceIn(sequence);
  const own = source.variant ?? [];
  const values: (readonly number[])[] = [];
  for (const change of [undefined, ...changes]) {
    const [read] = change ? await model.encoded(source, [[...own, ...change]]) : [source];
    const [found = []] = await measured(model, { ...sequence, source: read ?? source }, subject, metric, [variant]);
    values.push(found);
  }
  return values;
}

/** The sources of a pair, compared token by token; fails with a sentence if they do not have the same number of tokens. */
export function sourcePair(model: ModelRunner, pair: Pair): Pair {
  const [clean, corrupted] = [sourceIn(pair.clean), sourceIn(pair.corrupted)];
  const [own, other] = [clean.ids.length, corrupted.ids.length];
  if (own !== other) {
    throw refusal(
      `The source has ${own} tokens and that of the counterpart ${other}, but values of the encoder are exchanged position by position. Change words of one until both have the same number.`,
    );
  }
  return {
    ...pair,
    clean: encoderInput(clean),
    corrupted: encoderInput(corrupted),
    tokens: model.pieces(clean.ids),
  };
}
