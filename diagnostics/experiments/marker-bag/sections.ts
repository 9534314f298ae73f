/** What the experiment shows and says. */
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import { differenceOverSeeds, overSeeds } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import type { BagResult, Strip } from './result';
import * as build from '../../../protocol/sections/builders';

/** The arm of one head without the norm over heads, which is there where the others have it. */
export const singleId = 'one-free';

const measures = ({ labels, words }: Pick<BagResult, 'labels' | 'words'>): readonly ArmMeasure[] => [
  {
    name: 'accuracy',
    title: 'Accuracy',
    unit: '',
    definition: 'Share of held-out bags whose label has the largest logit.',
    range: [0, 1],
    levels: [{ title: 'guess', value: 1 / labels }],
  },
  {
    name: 'mass',
    title: 'Weight on the marked words',
    unit: '',
    definition:
      'Mean weight that the best head for a kind gives the marked word of that kind; of the two kinds the lower.',
    range: [0, 1],
    levels: [{ title: 'even', value: 1 / words }],
  },
];

export function finding(result: BagResult): string {
  const { arms, seeds } = result;
  const reached = arms.arms.flatMap(({ id, title }) => {
    const value = overSeeds(arms, 'accuracy', id);
    return value ? [`${title} ${Number(value.mean.toPrecision(3))}`] : [];
  });
  const single = arms.arms.find(({ id }) => id === singleId) ?? arms.arms.find(({ id }) => id === 'one');
  const several = arms.arms.find(({ id }) => id === 'several');
  if (!single || !several) return 'Nothing was measured.';
  const one = single.id === singleId ? '1 head without the norm' : '1 head';
  const difference = differenceOverSeeds(arms, 'accuracy', several.id, single.id);
  const words =
    difference === undefined || Number.isNaN(difference.low) || (difference.low <= 0 && difference.high >= 0)
      ? `${several.title} and ${one} are not told apart by ${seeds === 1 ? 'one run' : `${seeds} runs`}.`
      : difference.low > 0
        ? `${several.title} are ahead of ${one} by ${overSeedsWords(difference, 2)}.`
        : `${several.title} are behind ${one} by ${overSeedsWords({ mean: -difference.mean, low: -difference.high, high: -difference.low }, 2)}.`;
  const [alone, more] = [overSeeds(arms, 'mass', single.id), overSeeds(arms, 'mass', several.id)];
  const read =
    alone && more
      ? ` A marked word weighs ${Number(alone.mean.toPrecision(2))} in ${one} and ${Number(more.mean.toPrecision(2))} in the best of ${several.title}.`
      : '';
  return `Accuracy after ${arms.steps} steps: ${reached.join('; ')}. ${words}${read}`;
}

const stripMap = (
  { arm, attention }: Strip,
  title: string,
  places: readonly [number, number] | undefined,
): MapSection => ({
  kind: 'map',
  id: `strip-${arm}`,
  title: `What is read of a bag: ${title}`,
  caption: `The first held-out bag and the first run. A and B are the marked words; even weight would be ${Number((1 / (attention[0]?.length ?? 1)).toPrecision(2))}.`,
  unit: '',
  definition: 'A_ki: weight of word i in the row of head k; a row adds up to 1',
  scale: build.ranges.fromZero,
  rows: { title: 'Head', labels: attention.map((_, head) => String(head)) },
  columns: {
    title: 'Word',
    labels: (attention[0] ?? []).map((_, word) =>
      word === places?.[0] ? 'A' : word === places?.[1] ? 'B' : String(word),
    ),
  },
  values: attention,
});

export function sections(result: BagResult): readonly Section[] {
  const { arms, labels, words, strips = [], places } = result;
  const titleOf = (arm: string): string => arms.arms.find(({ id }) => id === arm)?.title ?? arm;
  return [
    ...armsSections(arms, measures({ labels, words })),
    ...strips.map((strip) => stripMap(strip, titleOf(strip.arm), places)),
  ];
}

export const weights = (folder: string): Section =>
  networksSection(
    `The weights of the first run of each network are in ${folder}. The panel of modules reads the pooling: module Low-rank multi-head attention, several.safetensors, prefix pool.`,
  );
