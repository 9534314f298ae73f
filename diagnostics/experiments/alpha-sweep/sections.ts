/** What the sweep shows: accuracy and cost against alpha, and the trainings. */
import type { Section } from '../../../protocol/sections/section';
import { differenceOverSeeds, overSeeds } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import type { AlphaSweepResult } from './result';
import { classes } from './pictures';
import * as build from '../../../protocol/sections/builders';

const unit = { unit: '', range: [0, 1] } as const;
const measures: readonly ArmMeasure[] = [
  {
    name: 'accuracy',
    title: 'Accuracy',
    definition: 'Share of 128 test pictures whose class has the largest logit.',
    levels: [{ title: 'chance', value: 1 / classes }],
    ...unit,
  },
  {
    name: 'grating',
    title: 'Grating',
    definition: 'Share whose direction and frequency of the grating are right, whatever the shape.',
    levels: [{ title: 'chance', value: 1 / 4 }],
    ...unit,
  },
  {
    name: 'shape',
    title: 'Shape',
    definition: 'Share whose small shape is right, whatever the grating.',
    levels: [{ title: 'chance', value: 1 / 2 }],
    ...unit,
  },
];

const idOf = (alpha: number): string => `alpha-${alpha}`;

interface Reached {
  readonly alpha: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const reached = ({ arms, depth }: AlphaSweepResult, measure: string): readonly Reached[] =>
  Array.from({ length: depth + 1 }, (_, alpha) => alpha).flatMap((alpha) => {
    const found = overSeeds(arms, measure, idOf(alpha), [0, 1]);
    return found ? [{ alpha, ...found }] : [];
  });

const best = (all: readonly Reached[]): Reached | undefined =>
  all.reduce<Reached | undefined>((most, one) => (most && most.mean >= one.mean ? most : one), undefined);

export function finding(result: AlphaSweepResult): string {
  const { arms, depth, seeds } = result;
  const all = reached(result, 'accuracy');
  const [attention] = all;
  const spectral = all.at(-1);
  const most = best(all);
  if (!attention || !spectral || !most) return 'The networks are not trained yet.';
  const runs = seeds === 1 ? 'one run each' : `mean of ${seeds ?? 0} runs, 95 % interval`;
  const first = `Of ${depth} blocks, ${most.alpha} spectral ones come out best: accuracy ${overSeedsWords(most)} (${runs}), against ${overSeedsWords(attention)} with attention alone and ${overSeedsWords(spectral)} with filters alone.`;
  const inner = best(all.slice(1, -1));
  if (!inner) return first;
  const end = attention.mean >= spectral.mean ? attention : spectral;
  const difference = differenceOverSeeds(arms, 'accuracy', idOf(inner.alpha), idOf(end.alpha));
  if (!difference) return first;
  const said = `the best mixture (alpha ${inner.alpha}) less the better end (alpha ${end.alpha}) is ${overSeedsWords(difference)}`;
  const verdict =
    difference.low > 0
      ? `An optimum inside shows: ${said}.`
      : difference.mean > 0
        ? `An optimum inside, as published, is not shown beyond chance: ${said}.`
        : `The published optimum inside does not show: ${said}.`;
  return `${first} ${verdict}`;
}

export function sections(result: AlphaSweepResult): readonly Section[] {
  return [accuracySection(result), costSection(result), ...armsSections(result.arms, measures)];
}

const alphaAxis = (depth: number) => build.axis('alpha, spectral blocks', '', { min: 0, max: depth });

function accuracySection(result: AlphaSweepResult) {
  return build.chart(
    'accuracy',
    'Accuracy by the number of spectral blocks',
    'The first alpha blocks are filters, the others attention. Gratings spread over the picture; shapes stand in one place.',
    alphaAxis(result.depth),
    build.shareAxis('share that is right'),
    measures.map(({ name, title }) =>
      build.line(
        name,
        title,
        reached(result, name).map(({ alpha, mean, low, high }) => ({ x: alpha, y: mean, low, high })),
      ),
    ),
    { interval: "Student's 95 % interval over runs" },
  );
}

const costSection = ({ depth, multiplyAdds }: AlphaSweepResult) =>
  build.chart(
    'cost',
    'Work by the number of spectral blocks',
    'Filters by products with cosines and sines, as the graph computes them; by a fast transform they take less.',
    alphaAxis(depth),
    build.axis('multiply-adds of a picture', '', { min: 0 }),
    [
      build.line(
        'work',
        'whole network',
        multiplyAdds.map((y, alpha) => ({ x: alpha, y })),
      ),
    ],
  );
