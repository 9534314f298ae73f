/** What the codes say in a few sentences, and what a person can do with it elsewhere. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Offer } from '../../../protocol/analysis/schema';
import { metricWords } from '../../shared/effects/metric';
import { partName } from '../../shared/effects/parts';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { PerHead, RankingName, RankingScore, SaeResult, Scores, TrainingSummary, Verification } from './result';
import { byScore } from './scores';
import { mean } from '../../../kernels/tensors/vectors';

type ScoredResult = Partial<SaeResult> & {
  readonly node: Scores;
  readonly difference: PerHead;
  readonly pairs: number;
};

export const isScored = (result: Partial<SaeResult>): result is ScoredResult =>
  result.node !== undefined && result.difference !== undefined;

export const rankingWords: Readonly<Record<RankingName, string>> = {
  node: 'node score',
  edge: 'edge score',
  untrained: 'node score, untrained',
  difference: 'difference of means',
  separation: 'linear separation',
};

/** Heads that are named. */
export const mostNamed = 3;

/** As many as the reference has, or an eighth of all. */
const headlineSize = ({ heads = [], reference }: Partial<SaeResult>): number =>
  reference?.heads.length ?? Math.max(1, Math.round(heads.reduce((sum, count) => sum + count, 0) / 8));

/** Heads with a score above 0, largest first. */
export const firstHeads = ({ node, difference }: ScoredResult, count: number): readonly HeadPlace[] =>
  byScore(node.mean, difference)
    .slice(0, count)
    .filter(({ layer, head }) => (node.mean[layer]?.[head] ?? 0) > 0);

export function finding(result: Partial<SaeResult>): string {
  if (!isScored(result)) return 'No head is scored yet.';
  const { node, pairs, trainings = [], rankings, reference, verification } = result;
  const first = firstHeads(result, mostNamed);
  if (first.length === 0) {
    return 'No head has a code that only the prompts have: the autoencoder sees no difference between prompts and counterparts.';
  }
  const named = first.map((place) => `${partName(place)} (${threeDigits(node.mean[place.layer]?.[place.head] ?? 0)})`);
  const many =
    trainings.length > 1
      ? ` (means over ${trainings.length} trainings, ${counted(pairs, 'prompt', 'prompts')})`
      : ` (${counted(pairs, 'prompt', 'prompts')})`;
  const what = result.share === true ? 'the largest share of codes' : 'most codes';
  return [
    `${named.join(', ')} ${first.length === 1 ? 'has' : 'have'} ${what} that occur in prompts alone${many}.`,
    ...explainedSentence(trainings),
    ...(rankings && reference ? rankingSentences(rankings, reference.heads.length) : []),
    ...(verification ? verifiedSentences(result, verification) : []),
  ].join(' ');
}

/** From which share of the variance on an autoencoder is said to explain little. */
const littleExplained = 0.9;

function explainedSentence(trainings: readonly TrainingSummary[]): readonly string[] {
  const unexplained = mean(trainings.map((training) => training.unexplained));
  return unexplained > littleExplained
    ? [
        `The autoencoders explain next to nothing (${threeDigits(100 * unexplained)} % of the variance is left): codes are those of nearly random directions.`,
      ]
    : [];
}

function rankingSentences(rankings: readonly RankingScore[], count: number): readonly string[] {
  const of = (name: RankingName): RankingScore | undefined => rankings.find((one) => one.name === name);
  const [node, edge, difference, separation] = [of('node'), of('edge'), of('difference'), of('separation')];
  const untrained = of('untrained');
  if (!node || !edge || !untrained || !difference || !separation) {
    return ['No ranking is held against the reference: it has all heads of the model, or one prompt alone is coded.'];
  }
  const { each } = node;
  const interval =
    each && !Number.isNaN(each.low)
      ? ` (single trainings ${threeDigits(each.mean)}, 95 % interval ${threeDigits(each.low)} to ${threeDigits(each.high)})`
      : '';
  const simple = Math.max(difference.area, separation.area);
  const verdict =
    each && each.low > simple
      ? 'the node score ranks better than the last two'
      : node.area <= simple
        ? 'the node score ranks no better than the last two, which need no autoencoder'
        : 'that the node score ranks better than the last two is not beyond chance between trainings';
  return [
    `ROC area against the ${counted(count, 'head', 'heads')} of the reference: node score ${threeDigits(node.area)}${interval}, edge score ${threeDigits(edge.area)}, untrained ${threeDigits(untrained.area)}, difference of means ${threeDigits(difference.area)}, linear separation ${threeDigits(separation.area)}: ${verdict}.`,
  ];
}

function verifiedSentences(result: ScoredResult, { orders, metric, whole, prompts }: Verification): readonly string[] {
  const pointsOf = (name: string) => orders.find((order) => order.name === name)?.points ?? [];
  const wanted = headlineSize(result);
  const sizes = pointsOf('node').map(({ taken }) => taken);
  const size = sizes.reduce(
    (best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best),
    sizes[0] ?? 0,
  );
  const at = (name: string) => pointsOf(name).find(({ taken }) => taken === size);
  const [node, difference, random] = [at('node'), at('difference'), at('random')];
  if (!node || !difference || !random) return [];
  return [
    `Without the first ${counted(size, 'head', 'heads')} by codes the ${metricWords[metric].name} goes from ${threeDigits(whole)} to ${threeDigits(node.mean)} on ${counted(prompts, 'held-out prompt', 'held-out prompts')}, by difference of means to ${threeDigits(difference.mean)}, without random ones to ${threeDigits(random.mean)} (${threeDigits(random.low)} to ${threeDigits(random.high)}).`,
  ];
}

export function offers(result: SaeResult): readonly Offer[] {
  if (!isScored(result)) return [];
  const heads = firstHeads(result, headlineSize(result));
  if (heads.length === 0) return [];
  return [
    {
      title: `Without the first ${counted(heads.length, 'head', 'heads')}`,
      description: 'Replaces the output of the heads with the largest node scores by its mean over the prompt.',
      interventions: heads.map((place) => ({ kind: 'head', ...place, source: { from: 'mean' } })),
    },
  ];
}
