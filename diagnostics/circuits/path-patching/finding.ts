/** What a result of path patching says in a sentence or two, and what a person can do with it elsewhere. */
import type { Offer } from '../../../protocol/analysis/schema';
import { firstPassWords } from '../../shared/circuits/first-pass';
import { headInputs, receiverName, receiversOf } from '../../shared/circuits/receivers';
import { askedWords, worseWords } from '../../shared/effects/gap';
import { metricWords } from '../../shared/effects/metric';
import { partName } from '../../shared/effects/parts';
import { counted, signed, threeDigits } from '../../../protocol/wire/number-words';
import type { PathResult, Stage } from './result';
import { listed } from '../../../protocol/wire/listed';

export interface Ranked {
  readonly layer: number;
  readonly head: number;
  readonly effect: number;
  readonly low: number;
  readonly high: number;
  readonly beyondChance: boolean | undefined;
}

export const isMeasured = (result: Partial<PathResult>): result is PathResult => (result.stages?.length ?? 0) > 0;

/** Heads of a stage, largest effect first; those that receive are left out, equal ones stay in the order of the model. */
export const ranked = ({ effect, low, high, beyondChance }: Stage): readonly Ranked[] =>
  effect
    .flatMap((row, layer) =>
      row.map((value, head) => ({
        layer,
        head,
        effect: value,
        low: low[layer]?.[head] ?? Number.NaN,
        high: high[layer]?.[head] ?? Number.NaN,
        beyondChance: beyondChance?.[layer]?.[head],
      })),
    )
    .filter((one) => !Number.isNaN(one.effect))
    .sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect));

/** Heads that are named one by one. */
const mostNamed = 8;

/** `the logits`, `the query of L5H1`, `the queries of L4H3 and L5H1 and the MLP of layer 2`. */
export function receiverWords({ receivers, effect }: Stage): string {
  const blocks = effect.map(({ length }) => ({ heads: length, kvHeads: length, headDim: 1, causal: true }));
  const all = receivers.flatMap((text) => receiversOf(text, blocks));
  const plural = { query: 'queries', key: 'keys', value: 'values' } as const;
  return listed([
    ...headInputs.flatMap((input) => {
      const heads = all.flatMap((one) => (one.input === input ? [partName(one)] : []));
      if (heads.length === 0) return [];
      const names = heads.length > mostNamed ? counted(heads.length, 'head', 'heads') : listed(heads);
      return [`the ${heads.length === 1 ? input : plural[input]} of ${names}`];
    }),
    ...all.filter(({ input }) => input === 'mlp' || input === 'logits').map(receiverName),
  ]);
}

const interval = ({ low, high }: Ranked): string =>
  Number.isNaN(low) ? '' : ` (95 % interval ${threeDigits(low)} to ${threeDigits(high)})`;

function stageWords(stage: Stage, number: number): string {
  const all = ranked(stage);
  const kept = stage.kept.flatMap(
    ({ layer, head }) => all.find((one) => one.layer === layer && one.head === head) ?? [],
  );
  const [first, ...others] = kept;
  const to = receiverWords(stage);
  const { firstPass } = stage;
  const start = number === 0 ? `Of ${counted(firstPass?.of ?? all.length, 'head', 'heads')}` : 'On those';
  const chosen = firstPass ? ` ${firstPassWords(firstPass, 'heads')}` : '';
  if (!first)
    return number === 0 ? `No head has an effect on ${to} at ${stage.at}.` : `No head acts on ${to} at ${stage.at}.`;
  const more = others.slice(0, 3).map((one) => `${partName(one)} ${threeDigits(one.effect)}`);
  const rest = more.length === 0 ? '' : `, then ${more.join(', ')}`;
  const chance =
    stage.beyondChance === undefined
      ? ''
      : ` ${all.filter(({ beyondChance }) => beyondChance).length} of ${all.length} are beyond chance.`;
  return number === 0
    ? `${start}, ${partName(first)} acts most on ${to} at ${stage.at}: ${threeDigits(first.effect)} of the way to the counterpart${interval(first)}${rest}.${chance}${chosen}`
    : `${start}, through ${to} at ${stage.at}: ${partName(first)} ${threeDigits(first.effect)}${rest}.${chance}${chosen}`;
}

export function finding(result: Partial<PathResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const { metric, gap, n, original, counterpart } = result;
  const { name, unit } = metricWords[metric];
  const doubtful =
    n > 1 && gap.low <= 0 && gap.high >= 0
      ? [
          `Prompts and counterparts do not differ in ${name} beyond chance (${signed(gap.mean)}${unit === '' ? '' : ` ${unit}`}): what follows is not to be relied on.`,
        ]
      : [];
  return [
    ...doubtful,
    ...worseWords(metric, original, counterpart),
    ...result.stages.map(stageWords),
    `The ${askedWords(metric, result.answers)} is ${threeDigits(original.mean)} on the prompts and ${threeDigits(counterpart.mean)} on their counterparts, over ${counted(n, 'pair', 'pairs')}.`,
    ...(n === 1 ? ['One pair has no interval, so chance cannot be judged.'] : []),
  ].join(' ');
}

export const offers = ({ stages }: PathResult): readonly Offer[] =>
  stages.flatMap(({ kept }, number) =>
    kept.length === 0
      ? []
      : [
          {
            title: `Without the heads of stage ${number + 1}`,
            description: `Replaces the output of ${kept.length <= 4 ? kept.map(partName).join(', ') : counted(kept.length, 'head', 'heads')} by its mean over the prompt.`,
            interventions: kept.map(({ layer, head }) => ({
              kind: 'head' as const,
              layer,
              head,
              source: { from: 'mean' as const },
            })),
          },
        ],
  );
