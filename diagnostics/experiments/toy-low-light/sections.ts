/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { differenceOverSeeds, overSeeds, type ArmsResult } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { armWords, folderSection } from '../../shared/training/arms-steps';
import { gains, shapes } from './pictures';
import type { ShownPicture, ToyLowLightResult } from './result';
import * as build from '../../../protocol/sections/builders';

export const lowLightArms = [
  { id: 'none', title: 'No enhancer' },
  { id: 'one', title: 'Enhancer of one scale' },
  { id: 'all', title: 'FeatEnHancer' },
] as const;

/** At each gain. */
export const testPictures = 64;
export const accuracyName = 'accuracy';
export const accuracyAt = (gain: number): string => `accuracy at ${gain}`;

const accuracy: ArmMeasure = {
  name: accuracyName,
  title: 'Accuracy',
  unit: '',
  definition: `Share of test pictures whose shape has the largest logit, mean over ${gains.length} gains of ${testPictures} pictures each.`,
  range: [0, 1],
  levels: [{ title: 'chance', value: 1 / shapes.length }],
};

export function finding({ arms }: ToyLowLightResult): string {
  const say = (arm: string): string => armWords(arms, accuracyName, arm, { range: [0, 1] });
  const reached = `The shape is found in ${say('none')} of the pictures without an enhancer, ${say('one')} with one of one scale and ${say('all')} with FeatEnHancer`;
  return `${reached}. ${verdict(arms, 'none', 'Against no enhancer')} ${verdict(arms, 'one', 'Against one scale')}`;
}

/** FeatEnHancer less another arm, paired by seed, and whether that is beyond chance. */
function verdict(arms: ArmsResult, other: string, words: string): string {
  const difference = differenceOverSeeds(arms, accuracyName, 'all', other);
  if (!difference) return `${words} nothing was measured.`;
  const said = overSeedsWords(difference, 2);
  if (difference.low > 0) return `${words} it gains ${said}, as published.`;
  if (difference.high < 0) return `${words} it loses: ${said}.`;
  return `${words} the difference of ${said} is not shown beyond chance.`;
}

export function sections({ arms, shares, shown }: ToyLowLightResult): readonly Section[] {
  if (arms.runs.length === 0) return [];
  return [
    byGain(arms),
    ...armsSections(arms, [accuracy]),
    ...(shares ? [shareChart(shares)] : []),
    ...(shown ?? []).map(picture),
  ];
}

const gainAxis = build.logAxis('gain, light that reaches the sensor', 'log10');

const byGain = (arms: ArmsResult) =>
  build.chart(
    'by-gain',
    'Accuracy by darkness',
    `Share of ${testPictures} test pictures at each gain whose shape has the largest logit, of runs that have ended. Darker to the left.`,
    gainAxis,
    build.shareAxis('accuracy'),
    arms.arms.map(({ id, title }) =>
      build.line(
        id,
        title,
        gains.flatMap((gain) => {
          const found = overSeeds(arms, accuracyAt(gain), id, [0, 1]);
          return found ? [{ x: gain, y: found.mean, low: found.low, high: found.high }] : [];
        }),
      ),
    ),
    {
      references: [{ label: 'chance', from: [Math.min(...gains), 1 / shapes.length], to: [1, 1 / shapes.length] }],
      interval: "Student's 95 % interval over runs",
    },
  );

const shareChart = (shares: readonly (readonly number[])[]) =>
  build.chart(
    'shares',
    'Which scale FeatEnHancer trusts, by darkness',
    'Share w_0 of the fine scale, mean over test pictures and pixels of the first run. At 0.5 the scales count alike; below it the coarse one counts more.',
    gainAxis,
    build.shareAxis('share of the fine scale'),
    (shares[0] ?? []).map((_, block) =>
      build.line(
        `block-${block}`,
        `block ${block + 1}`,
        gains.map((gain, at) => ({ x: gain, y: shares[at]?.[block] ?? Number.NaN })),
      ),
    ),
  );

const picture = ({ title, values }: ShownPicture, at: number): Section => {
  const labels = values.map((_, place) => String(place + 1));
  return {
    kind: 'map',
    id: `picture-${at}`,
    title: at === 0 ? 'A test picture of the lowest gain' : `The same picture behind: ${title}`,
    caption: at === 0 ? `A ${shapes[0]}, as given.` : 'What the classifier reads in its place, first run.',
    unit: '',
    definition: 'mean of the three colors; 1 is the brightest that full light can be, beyond noise',
    scale: { kind: at === 0 ? 'sequential' : 'diverging' },
    rows: { title: 'Row', labels },
    columns: { title: 'Column', labels },
    values,
  };
};

export const weights = (folder: string): Section => folderSection(folder, 'featenhancer');
