/** What a result of ablation says in a sentence or two, and what a person can do with it elsewhere. */
import type { Offer } from '../../protocol/analysis/analysis';
import { metricWords, signed } from '../effects/metric';
import { partName } from '../effects/parts';
import { isMeasured, ranked, type Ranked } from './ranked';
import type { AblationResult, Mode } from './result';

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
  const of = (list: readonly unknown[]): string => `${list.length}`;
  const heads = all.filter(({ head }) => head !== undefined);
  const [head] = heads;
  const mlp = all.find((part) => part.head === undefined);
  if (!head) return 'Nothing is measured yet.';
  const count = result.heads.reduce((sum, row) => sum + row.length, 0) + result.mlp.length;
  const change = ({ change: value, low, high }: Ranked): string => {
    const interval = Number.isNaN(low) ? '' : ` (95 % interval ${signed(low)} to ${signed(high)})`;
    return `${signed(value)}${unit === '' ? '' : ` ${unit}`}${interval}`;
  };
  const whole = Number(baseline.mean.toPrecision(3));
  const sentences = [
    head.change === 0
      ? `No head changes the ${name} of ${unitWords(result)} when its output is ${modeWords[mode]}.`
      : n > 1 && !heads.some(({ beyondChance }) => beyondChance)
        ? `None of ${of(heads)} heads changes the ${name} beyond chance when its output is ${modeWords[mode]}, on ${unitWords(result)}; ${partName(head)} most: ${change(head)}, from ${whole}.`
        : `Of ${of(heads)} heads, ${partName(head)} changes the ${name} most when its output is ${modeWords[mode]}: ${change(head)} on ${unitWords(result)}, from ${whole}.`,
    ...(mlp && mlp.change !== 0 ? [`Of ${result.mlp.length} MLPs, that of layer ${mlp.layer}: ${change(mlp)}.`] : []),
    ...(n > 1
      ? [
          `${all.filter(({ beyondChance }) => beyondChance).length} of ${count} parts change it beyond chance (5 % over all of them).`,
        ]
      : ['One value has no interval: nothing is said of chance.']),
  ];
  return sentences.join(' ');
}

/** Where zeros were put, a gain of 0 does the same. */
export function offers(result: AblationResult): readonly Offer[] {
  const head = ranked(result).find((part) => part.head !== undefined);
  if (!head || head.head === undefined || result.mode !== 'zero') return [];
  return [
    {
      title: `Without ${partName(head)}`,
      description: `Sets the gain of the head to 0 that changed the ${metricWords[result.metric].name} most here.`,
      interventions: [{ kind: 'gain', layer: head.layer, head: head.head, gain: 0 }],
    },
  ];
}
