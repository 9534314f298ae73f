/**
 * The correction of anti-overconfidence, measured on prompts that it was not chosen on. Heads of the last layer whose mean direct
 * effect on the right answer is negative on the prompts of the fit get a gain; the last MLP loses a share of what lowers the token
 * that leads before it (protocol/interventions/unsuppress.ts). The published recipe was not found: both are Headscope's choice.
 */
import { object, text, figure } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainsOf } from '../../../models/instrument/changes/gain';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { ModelRunner } from '../../model-runner/model-runner';
import { meanInterval, wilson, measuredMean } from '../../shared/statistics/proportion';
import type { Fact } from './prompts';

export interface Setting {
  readonly name: string;
  readonly gain: number;
  readonly share: number;
}

/** Strengths of the whole correction, and each half alone at its full strength. */
export function settingsOf({ gain, share }: { readonly gain: number; readonly share: number }): readonly Setting[] {
  const at = (strength: number): Setting => ({
    name: strength === 0 ? 'unchanged' : strength === 1 ? 'both' : `both, strength ${strength}`,
    gain: 1 - strength * (1 - gain),
    share: strength * share,
  });
  return [
    ...[0, 0.25, 0.5, 0.75, 1].map(at),
    { name: 'heads alone', gain, share: 0 },
    { name: 'MLP alone', gain: 1, share },
  ];
}

export const interventionsOf = (
  heads: readonly HeadPlace[],
  layer: number,
  { gain, share }: Pick<Setting, 'gain' | 'share'>,
): readonly Intervention[] => [
  ...(gain === 1 ? [] : heads.map((place): Intervention => ({ kind: 'gain', ...place, gain }))),
  ...(share === 0 ? [] : [{ kind: 'unsuppress' as const, layer, share }]),
];

/** What the person's own interventions change, and the correction. */
export const corrected = (
  variant: Variant,
  heads: readonly HeadPlace[],
  layer: number,
  { gain, share }: Setting,
): Variant => [
  ...variant,
  ...(gain === 1 ? [] : gainsOf(heads, gain)),
  ...(share === 0 ? [] : [{ kind: 'unsuppress' as const, layer, share }]),
];

export interface Answered {
  readonly probability: number;
  /** Among all tokens, and among the answers of the task. */
  readonly first: boolean;
  readonly firstAmong: boolean;
}

/** By variant. */
export async function answeredBy(
  model: ModelRunner,
  { sequence, row, answer }: Fact,
  candidates: readonly number[],
  variants: readonly Variant[],
): Promise<readonly Answered[]> {
  const answers = await model.answers(sequence, [{ row, tokens: [answer, ...candidates] }], variants);
  return answers.map(([found]) => {
    const [own = Number.NaN, ...others] = found?.logits ?? [];
    return {
      probability: Math.exp(own - (found?.logSumExp ?? Number.NaN)),
      first: found?.largest === answer,
      firstAmong: own >= Math.max(...others),
    };
  });
}

const share = object({ value: figure, low: figure, high: figure });
type Share = Output<typeof share>;

export const correctedSchema = object({
  name: text,
  gain: figure,
  share: figure,
  /** Probability of the right answer, over the held-out prompts. */
  probability: measuredMean,
  /** Paired, against the unchanged model. */
  change: measuredMean,
  accuracy: share,
  amongAnswers: share,
});
export type Corrected = Output<typeof correctedSchema>;

export function correctedOf(setting: Setting, own: readonly Answered[], before: readonly Answered[]): Corrected {
  const share = (is: (one: Answered) => boolean): Share => {
    const value = own.filter(is).length / own.length;
    return { value, ...wilson(value, own.length) };
  };
  return {
    ...setting,
    probability: meanInterval(
      own.map(({ probability }) => probability),
      { range: [0, 1] },
    ),
    change: meanInterval(own.map(({ probability }, at) => probability - (before[at]?.probability ?? Number.NaN))),
    accuracy: share(({ first }) => first),
    amongAnswers: share(({ firstAmong }) => firstAmong),
  };
}
