/** Bytes of the caches under a plan, by length of the prompt. */
import type { Output } from '../../../protocol/schema/check';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import { lengthsWithin } from '../../../protocol/plans/lengths';
import { planBytes } from '../../../protocol/plans/plan-bytes';
import { count, number, object } from '../../../protocol/schema/fields';
import type { ModelFacts } from '../../model-runner/model-runner';
import * as build from '../../../protocol/sections/builders';

/** The caches of all layers in float32 behind a prompt of so many tokens. */
export const bytesAtField = object({
  tokens: count,
  plan: number,
  full: number,
  /** full / plan. */
  ratio: number,
});
type BytesAt = Output<typeof bytesAtField>;

/** 4 k to 1 M tokens, as far as the model reads. */
const lengths = Array.from({ length: 9 }, (_, at) => 4096 * 2 ** at);

export const bytesByLength = (
  { summary: { headDim, windows, contextLength } }: Pick<ModelFacts, 'summary'>,
  heads: readonly (readonly HeadPlan[])[],
): readonly BytesAt[] =>
  lengthsWithin(lengths, contextLength).map((tokens) => {
    const { plan, full } = planBytes(heads, headDim, tokens, { windows });
    return { tokens, plan, full, ratio: full / plan };
  });

export const bytesTable = (bytes: readonly BytesAt[]) =>
  build.table(
    'bytes',
    'Bytes of the caches',
    'Keys and values of all layers in float32 behind a prompt of so many tokens.',
    bytes,
    [
      build.count('tokens', 'Tokens', 'N, of the prompt.', 'tokens'),
      build.count(
        'plan',
        'Plan',
        '2 x 4 bytes x head width x rows kept; a mean of what was dropped is a row.',
        'bytes',
      ),
      build.count('full', 'Full cache', '2 x 4 bytes x head width x N x key/value heads.', 'bytes'),
      build.number('ratio', 'Ratio', 'Full cache over plan.'),
    ],
  );
