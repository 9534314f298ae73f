/** What a result of attribution says in a few sentences, and what a person can do with it elsewhere. */
import type { Offer } from '../../../protocol/analysis/schema';
import { metricWords } from '../../shared/effects/metric';
import { partName } from '../../shared/effects/parts';
import { counted, signed, threeDigits } from '../../../protocol/wire/number-words';
import { isEstimated, ranked } from './ranking';
import type { Agreement, AttributionResult } from './result';

/** Below it, over the largest or over all that were patched, estimates do not say which heads matter. */
const reliable = 0.8;

export const baselineWords = {
  counterpart: 'that on the counterpart',
  zero: 'zeros',
  mean: 'its mean',
} as const;

export const methodWords = ({ method, gradients }: Pick<AttributionResult, 'method' | 'gradients'>): string =>
  method === 'integrated'
    ? `integrated gradients (${counted(gradients, 'step', 'steps')})`
    : 'the gradient at the prompt';

const correlation = ({ pearson: { mean, low, high }, spearman }: Agreement): string => {
  const interval = Number.isNaN(low) ? '' : ` (95 % interval ${threeDigits(low)} to ${threeDigits(high)})`;
  return `${threeDigits(mean)}${interval}, by ranks ${threeDigits(spearman.mean)}`;
};

function agreementWords({ agreement }: AttributionResult): readonly string[] {
  const of = (set: Agreement['set']) => agreement.find((one) => one.group === 'parts' && one.set === set);
  const [largest, drawn, both] = [of('largest'), of('drawn'), of('both')];
  if (!both) return ['Nothing was patched, so the estimates are not checked.'];
  if (Number.isNaN(both.pearson.mean)) return ['Too few were patched, or all alike, for a correlation.'];
  if (both.n === both.of)
    return [`All ${both.of} were patched: estimate and exact effect correlate ${correlation(both)}.`];
  const known = (one: Agreement | undefined): one is Agreement => one !== undefined && !Number.isNaN(one.pearson.mean);
  return [
    [
      known(largest) ? `for the ${largest.n} largest of ${largest.of} heads and MLPs ${correlation(largest)}` : '',
      known(drawn) ? `for ${drawn.n} drawn at random ${correlation(drawn)}` : '',
      `for all ${both.n} that were patched ${correlation(both)}`,
    ]
      .filter((words) => words !== '')
      .join('; ')
      .replace(/^/u, 'Estimate and exact effect correlate ') + '.',
  ];
}

function edgeWords({ edges: found, withoutEdges, metric, agreement }: AttributionResult): readonly string[] {
  if (withoutEdges !== undefined) return [`Edges were not measured: ${withoutEdges}`];
  const [first] = found?.edges ?? [];
  if (!found || !first) return [];
  const { unit } = metricWords[metric];
  const amount = (value: number): string => `${signed(value)}${unit === '' ? '' : ` ${unit}`}`;
  const to =
    first.input === 'logits' ? 'the logits' : first.input === 'mlp' ? first.to : `the ${first.input} of ${first.to}`;
  const sizes = [
    ...(Number.isNaN(first.estimate) ? [] : [`${amount(first.estimate)} estimated`]),
    ...(Number.isNaN(first.exact) ? [] : [`${amount(first.exact)} patched`]),
  ];
  const all = agreement.find(({ group, set }) => group === 'edges' && set === 'both');
  const agrees =
    all === undefined || Number.isNaN(all.pearson.mean)
      ? []
      : [
          `For ${all.n} of ${all.of} edges, estimate and exact effect correlate ${correlation(all)}${all.pearson.mean < reliable ? ': estimates of edges are not to be relied on here' : ''}.`,
        ];
  return [
    `Among the ${counted(found.nodes.length, 'part', 'parts')} with the largest estimates, the strongest edge goes from ${first.from === 'embedding' ? 'the embeddings' : first.from} to ${to}: ${sizes.join(', ')}.`,
    ...agrees,
  ];
}

/** The head of cross-attention, and of the encoder, with the largest estimate. */
const stackWords = (result: AttributionResult, amount: (value: number) => string): readonly string[] => {
  const words = (['cross', 'encoder'] as const).flatMap((stack) => {
    const all = (result[stack]?.estimate ?? []).flatMap((row, layer) =>
      row.map((estimate, head) => ({ layer, head, estimate })),
    );
    const [most] = all
      .filter(({ estimate }) => !Number.isNaN(estimate))
      .toSorted((a, b) => Math.abs(b.estimate) - Math.abs(a.estimate));
    if (!most) return [];
    const where = stack === 'cross' ? 'cross-attention' : 'the encoder';
    return [
      `Of ${counted(all.length, 'head', 'heads')} of ${where}, ${partName(most)} does most: ${amount(most.estimate)}.`,
    ];
  });
  const edges = 'Edges are not estimated: they are paths through one text.';
  return words.length > 0 && result.baseline === 'counterpart' ? [...words, edges] : words;
};

export function finding(result: Partial<AttributionResult>): string {
  if (!isEstimated(result)) return 'Nothing is estimated yet.';
  const { metric, baseline, n, original, passes, agreement } = result;
  const { name, unit } = metricWords[metric];
  const heads = ranked(result).filter(({ head }) => head !== undefined);
  const [first] = heads;
  if (!first || Number.isNaN(first.estimate)) return 'Nothing is estimated yet.';
  const amount = (value: number): string => `${signed(value)}${unit === '' ? '' : ` ${unit}`}`;
  const over = counted(n, 'prompt', 'prompts');
  const by = methodWords(result);
  if (first.estimate === 0) {
    const none = `No head${result.cross ? ' of the decoder' : ''} changes the ${name} of ${over} by ${by} when its output becomes ${baselineWords[baseline]}.`;
    return [none, ...stackWords(result, amount), ...(result.cross ? agreementWords(result) : [])].join(' ');
  }
  const interval = Number.isNaN(first.low) ? '' : `, 95 % interval ${signed(first.low)} to ${signed(first.high)}`;
  const exact = Number.isNaN(first.exact) ? '' : `; patched it is ${amount(first.exact)}`;
  const doubtful = agreement.some(
    ({ group, set, pearson }) => group === 'parts' && set !== 'drawn' && pearson.mean < reliable,
  );
  const cost =
    passes.exact > passes.taken
      ? `, ${threeDigits(passes.exact / passes.taken)} times as many as their estimates took`
      : `; this took ${passes.taken}, so that activation patching is the better choice for a model of this size`;
  return [
    `Of ${heads.length} heads${result.cross ? ' of the decoder' : ''}, ${partName(first)} changes the ${name} most by ${by} when its output becomes ${baselineWords[baseline]}: ${amount(first.estimate)} (estimated${interval}${exact}), on ${over}, from ${threeDigits(original.mean)}.`,
    ...stackWords(result, amount),
    ...agreementWords(result),
    ...edgeWords(result),
    ...(doubtful ? ['The estimates are not to be relied on here: run activation patching.'] : []),
    `Patching all heads, MLPs and positions exactly takes ${counted(passes.exact, 'pass', 'passes')} a prompt${cost}.`,
  ].join(' ');
}

/** The head with the largest estimate, without its output. */
export function offers(result: AttributionResult): readonly Offer[] {
  const first = ranked(result).find(({ head }) => head !== undefined);
  if (first?.head === undefined || first.estimate === 0) return [];
  const { layer, head } = first;
  const zero = result.baseline === 'zero';
  const chosen = `the head with the largest estimated effect on the ${metricWords[result.metric].name} here`;
  return [
    {
      title: `Without ${partName(first)}`,
      description: zero ? `Sets the gain of ${chosen} to 0.` : `Replaces the output of ${chosen} by its mean.`,
      interventions: [
        zero ? { kind: 'gain', layer, head, gain: 0 } : { kind: 'head', layer, head, source: { from: 'mean' } },
      ],
    },
  ];
}
