/** What the experiment shows and says. */
import { biasChart, sharesChart, tapsMap } from '../../../kernels/modules/rcmha/pictures';
import type { Section } from '../../../protocol/sections/section';
import { sectionOf } from '../../shared/sections/picture-section';
import { differenceOverSeeds, overSeeds } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import type { ArmCost, LearnedLayer, RcmhaResult } from './result';
import * as build from '../../../protocol/sections/builders';

const measures = ({ best, counted }: Pick<RcmhaResult, 'best' | 'counted'>): readonly ArmMeasure[] => {
  const reached = counted.sees >= counted.order;
  return [
    {
      name: 'accuracy',
      title: 'Accuracy',
      unit: '',
      definition: `Share of held-out tokens that have the largest logit, at the ${counted.places} places that count.${reached ? '' : ` The first of them sees ${counted.sees} of the ${counted.order} tokens that the next one follows from.`}`,
      range: [0, 1],
      levels: [{ title: 'best possible', value: best.accuracy }],
    },
    {
      name: 'loss',
      title: 'Loss',
      unit: 'nats',
      definition: 'Mean surprisal of held-out tokens.',
      levels: [{ title: 'entropy of the source', value: best.loss }],
    },
  ];
};

/** Never more than the intervals say: an order is named where the interval of a paired difference leaves 0 out. */
export function finding(result: RcmhaResult): string {
  const { arms, seeds } = result;
  const reached = arms.arms.flatMap(({ id, title }) => {
    const value = overSeeds(arms, 'accuracy', id);
    return value ? [{ id, title, mean: value.mean }] : [];
  });
  const ranked = reached.toSorted((a, b) => b.mean - a.mean);
  const [best, second] = ranked;
  if (!best || !second) return 'Nothing was measured.';
  const list = ranked.map(
    ({ title, mean }) => `${title} ${overSeedsWords({ mean, low: Number.NaN, high: Number.NaN })}`,
  );
  const difference = differenceOverSeeds(arms, 'accuracy', best.id, second.id);
  const sure = difference !== undefined && difference.low > 0;
  const words = sure
    ? `${best.title} is ahead of ${second.title} by ${overSeedsWords(difference)}.`
    : `${best.title} and ${second.title} are not told apart by ${seeds === 1 ? 'one run' : `${String(seeds)} runs`}.`;
  const published =
    best.id === 'rcmha' && sure
      ? 'The published order, RCMHA first, is reproduced here.'
      : 'The published order, RCMHA first, is not shown here.';
  return `Accuracy after ${arms.steps} steps: ${list.join(', ')}. ${words} ${published}`;
}

const costTable = (costs: readonly ArmCost[], { arms }: RcmhaResult['arms']) =>
  build.table(
    'cost',
    'Cost of the attention of one layer',
    'By the cost model of the mechanism, for a batch of training, forward. The paper names 2.98 GB for RCMHA and 3.5 GB for RMHA, measured for whole trainings on a graphics card; the convolutions add to what RMHA holds, so that no definition gives that order.',
    costs,
    [
      build.text('arm', 'Network', ({ arm }) => arms.find(({ id }) => id === arm)?.title ?? arm),
      build.number(
        'flops',
        'Operations',
        'Floating-point operations of the attention, without its projections.',
        'M',
        ({ flops }) => flops / 1e6,
      ),
      build.number(
        'peak',
        'Memory',
        'Bytes held at once by the attention of one layer.',
        'MB',
        ({ peakBytes }) => peakBytes / 1e6,
      ),
    ],
  );

const learnedSections = ({ layer, taps, biases }: LearnedLayer): readonly Section[] =>
  [
    biasChart(biases, `bias-${layer}`, `Layer ${layer} of RCMHA: bias by distance`),
    sharesChart(taps, `tap-shares-${layer}`, `Layer ${layer} of RCMHA: where the taps lie`),
    tapsMap(taps, `taps-${layer}`, `Layer ${layer} of RCMHA: taps of the convolutions`),
  ].map(sectionOf);

export function sections(result: RcmhaResult): readonly Section[] {
  const { arms, best, counted, costs, learned = [] } = result;
  return [
    ...armsSections(arms, measures({ best, counted })),
    ...(costs ? [costTable(costs, arms)] : []),
    ...learned.flatMap(learnedSections),
  ];
}

export const weights = (folder: string): Section =>
  networksSection(
    `The weights of the first run of each network are in ${folder}. The panel of modules reads the attention of a layer: module Relative convolutional attention, a file such as rcmha.safetensors, prefix layers.0.self_attn.`,
  );
