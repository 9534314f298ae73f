/** What a result of ablation says in a sentence or two, and what a person can do with it elsewhere. */
import type { Offer } from '../../../protocol/analysis/schema';
import { metricWords } from '../../shared/effects/metric';
import { partName } from '../../shared/effects/parts';
import { isMeasured, ranked, type Ranked } from './ranking';
import { otherStacks, stackWords } from './stacks';
import type { Mode } from '../../shared/effects/stand-ins';
import { signed } from '../../../protocol/wire/number-words';
import type { AblationResult } from './result';

export const modeWords: Readonly<Record<Mode, string>> = {
  zero: 'set to zero',
  mean: 'replaced by its mean',
  resample: 'replaced by that of another prompt',
};

export const unitWords = ({ unit, n }: Pick<AblationResult, 'unit' | 'n'>): string =>
  unit === 'prompt' ? `${n} ${n === 1 ? 'prompt' : 'prompts'}` : `${n} predicted ${n === 1 ? 'token' : 'tokens'}`;

export function finding(result: Partial<AblationResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const all = ranked(result);
  const { mode, metric, baseline, n } = result;
  const { name, unit } = metricWords[metric];
  const heads = all.filter(({ head }) => head !== undefined);
  const mlps = all.filter(({ head }) => head === undefined);
  const [head] = heads;
  const ofDecoder = result.cross ? ' of the decoder' : '';
  const [mlp] = mlps;
  if (!head) return 'Nothing is measured yet.';
  const change = ({ change: value, low, high }: Ranked): string => {
    const interval = Number.isNaN(low) ? '' : ` (95 % interval ${signed(low)} to ${signed(high)})`;
    return `${signed(value)}${unit === '' ? '' : ` ${unit}`}${interval}`;
  };
  const surely = (parts: readonly Ranked[]): number => parts.filter(({ beyondChance }) => beyondChance).length;
  const whole = Number(baseline.mean.toPrecision(3));
  const when = `when its output is ${modeWords[mode]}`;
  const sentences = [
    head.change === 0
      ? `No head${ofDecoder} changes the ${name} of ${unitWords(result)} ${when}.`
      : n > 1 && surely(heads) === 0
        ? `None of ${heads.length} heads${ofDecoder} changes the ${name} beyond chance (5 % over all parts) ${when}, on ${unitWords(result)}; ${partName(head)} most: ${change(head)}, from ${whole}.`
        : `Of ${heads.length} heads${ofDecoder}, ${partName(head)} changes the ${name} most ${when}: ${change(head)} on ${unitWords(result)}, from ${whole}.`,
    ...(mlp && mlp.change !== 0
      ? [
          `Of ${mlps.length} MLPs, ${n > 1 && surely(mlps) === 0 ? 'none beyond chance; ' : ''}that of layer ${mlp.layer}${n > 1 && surely(mlps) === 0 ? ' most' : ''}: ${change(mlp)}.`,
        ]
      : []),
    ...stacksWords(result, change),
    ...(n === 1 ? ['One value has no interval, so chance cannot be judged.'] : []),
    ...(surely(all) > 0
      ? [
          `${surely(all)} of ${all.length} parts ${surely(all) === 1 ? 'changes' : 'change'} it beyond chance (5 % over all of them).`,
        ]
      : []),
  ];
  return sentences.join(' ');
}

/** In each grid beside the model's attention, the head that changes the metric most. Only attention has a test against chance. */
const stacksWords = (result: AblationResult, change: (part: Ranked) => string): readonly string[] =>
  otherStacks.flatMap((stack) => {
    const effects = result[stack];
    const parts = (effects?.heads ?? []).flatMap((row, layer) =>
      row.map((value, head): Ranked => ({
        ...{ layer, head, change: value, beyondChance: false },
        low: effects?.low[layer]?.[head] ?? Number.NaN,
        high: effects?.high[layer]?.[head] ?? Number.NaN,
      })),
    );
    const [most] = parts
      .filter((part) => !Number.isNaN(part.change))
      .toSorted((a, b) => Math.abs(b.change) - Math.abs(a.change));
    if (!most) return [];
    return [`Of ${parts.length} heads of ${stackWords[stack]}, ${partName(most)} changes it most: ${change(most)}.`];
  });

/** Where zeros were put, a gain of 0 does the same. */
export function offers(result: AblationResult): readonly Offer[] {
  const head = ranked(result).find((part) => part.head !== undefined);
  if (!head || head.head === undefined || result.mode !== 'zero') return [];
  return [
    {
      title: `Without ${partName(head)}`,
      description: `Sets the gain of the head that changed the ${metricWords[result.metric].name} most here to 0.`,
      interventions: [{ kind: 'gain', layer: head.layer, head: head.head, gain: 0 }],
    },
  ];
}
