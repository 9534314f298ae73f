/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { differenceOverSeeds, overSeeds, type ArmsResult } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import { gateSides } from './network';
import type { LungMap, ToyLungsResult } from './result';
import * as build from '../../../protocol/sections/builders';

const measuresFor = (chances: readonly number[]): readonly ArmMeasure[] => [
  {
    name: 'accuracy',
    title: 'Accuracy',
    unit: '',
    definition: 'Share of 128 test pictures whose class has the larger logit.',
    range: [0, 1],
    levels: [{ title: 'guessing', value: 0.5 }],
  },
  ...gateSides.map((cells, at): ArmMeasure => {
    const chance = chances[at];
    return {
      name: `pointing${at + 1}`,
      title: `Pointing, scale ${at + 1}`,
      unit: '',
      definition: `Share of the test pictures of class 1 where the largest value of A_${at + 1} (${cells} x ${cells}) lies on a cell with a pixel of the blob inside the ellipse.`,
      range: [0, 1],
      ...(chance === undefined ? {} : { levels: [{ title: 'a random cell', value: chance }] }),
    };
  }),
  {
    name: 'agreement',
    title: 'Agreement of scales',
    unit: '',
    definition:
      "Pearson's correlation of two gates over pixels at the size of the coarsest, mean over pairs of scales and over test pictures; none where a gate is even.",
    range: [-1, 1],
  },
  {
    name: 'contrast',
    title: 'Contrast of the global map',
    unit: '',
    definition:
      'Standard deviation of A_G over the pixels of a picture, mean over test pictures. 0: the map is even, and the shared body tells the gates nothing about places.',
    range: [0, 0.5],
  },
];

const compared = (arms: ArmsResult, measure: string): string | undefined => {
  const [shared, isolated] = [overSeeds(arms, measure, 'shared', [0, 1]), overSeeds(arms, measure, 'isolated', [0, 1])];
  const difference = differenceOverSeeds(arms, measure, 'shared', 'isolated');
  if (!shared || !isolated || !difference) return undefined;
  return `${overSeedsWords(shared)} with a shared body and ${overSeedsWords(isolated)} with isolated gates (difference ${overSeedsWords(difference)})`;
};

/** What a shared body may cost in accuracy and still be said to keep it. */
const margin = 0.01;

export function finding({ arms, seeds, chances }: ToyLungsResult): string {
  const none = overSeeds(arms, 'accuracy', 'none', [0, 1]);
  const accuracy = compared(arms, 'accuracy');
  if (!none || accuracy === undefined) return 'The networks are not trained yet.';
  const less = (measure: string): number => differenceOverSeeds(arms, measure, 'shared', 'isolated')?.mean ?? NaN;
  const kept = less('accuracy') >= -margin;
  const better = gateSides.filter((_, at) => less(`pointing${at + 1}`) > 0).length;
  const sure = gateSides.filter((_, at) => {
    const difference = differenceOverSeeds(arms, `pointing${at + 1}`, 'shared', 'isolated');
    return difference !== undefined && (difference.low > 0 || difference.high < 0);
  }).length;
  const where = `in the mean its gates point at the blob more often at ${better} of ${gateSides.length} scales (${sure === 0 ? 'no difference is' : `of ${gateSides.length} differences ${sure} ${sure === 1 ? 'is' : 'are'}`} beyond chance)`;
  const runs = seeds === 1 ? 'one run each' : `means of ${seeds ?? 0} runs, 95 % intervals`;
  const finest = compared(arms, 'pointing1');
  const contrast = overSeeds(arms, 'contrast', 'shared', [0, 0.5]);
  return [
    `At equal parameters accuracy is ${overSeedsWords(none)} without gates, ${accuracy}; ${runs}.`,
    `A shared body ${kept ? 'costs no more than a point of accuracy' : 'costs more than a point of accuracy'}, and ${where}.`,
    ...(finest === undefined
      ? []
      : [`At the finest scale it is ${finest}, and ${(chances?.[0] ?? NaN).toPrecision(2)} by chance.`]),
    ...(contrast ? [`The global map varies by ${overSeedsWords(contrast, 2)} over a picture.`] : []),
  ].join(' ');
}

export function sections({ arms, chances = [], maps = [] }: ToyLungsResult): readonly Section[] {
  if (arms.runs.length === 0) return [];
  return [...armsSections(arms, measuresFor(chances)), ...maps.map(mapSection)];
}

/** Gates that differ by less are drawn from 0 to 1; others from their smallest to their largest value. */
const evenBelow = 0.01;

function mapSection({ title, definition, values }: LungMap, at: number): Section {
  const all = values.flat();
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const even = most - least < evenBelow;
  const places = values.map((_, place) => String(place + 1));
  return {
    kind: 'map',
    id: `map-${at}`,
    title,
    caption:
      at === 0
        ? 'Two bright ellipses and three faint blobs; one of them lies inside an ellipse.'
        : `First run. ${even ? 'The map is even and chooses nothing' : 'Bright places pass more than dark ones'}: values from ${least.toPrecision(3)} to ${most.toPrecision(3)}.`,
    unit: '',
    definition,
    scale: at === 0 ? build.ranges.sequential : { kind: 'sequential', min: even ? 0 : least, max: even ? 1 : most },
    rows: { title: 'Row', labels: places },
    columns: { title: 'Column', labels: places },
    values,
  };
}

export const weights = (folder: string): Section =>
  networksSection(
    `${folder} holds the weights of each network of the first run: stages, classifier and, for multiscale-gate, body and heads with their batch norms folded in.`,
  );
