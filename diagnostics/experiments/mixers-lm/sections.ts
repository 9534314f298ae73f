/** What the experiment shows and says. */
import type { Section } from '../../../protocol/sections/section';
import { overSeeds } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import type { MixersResult } from './result';
import * as build from '../../../protocol/sections/builders';

const accuracy = (values: number, length: number | undefined): ArmMeasure => ({
  name: 'accuracy',
  title: 'Accuracy',
  unit: '',
  definition: `Share of held-out sequences of ${length ?? 0} tokens whose answer has the largest logit.`,
  range: [0, 1],
  levels: [{ title: 'chance', value: 1 / values }],
});

type Shown = Pick<MixersResult, 'arms' | 'places' | 'values'>;

const lengthsOf = ({ places }: Pick<Shown, 'places'>): readonly number[] =>
  [...new Set(places.map(({ length }) => length))].sort((a, b) => a - b);
const mixersOf = ({ places }: Pick<Shown, 'places'>): readonly string[] => [
  ...new Set(places.map(({ mixer }) => mixer)),
];

function byLength({ arms, places, values }: Shown) {
  const lengths = lengthsOf({ places });
  return build.chart(
    'by-length',
    'Accuracy by length',
    'After the same number of steps at each length. What is asked for stands an eighth of the sequence back or farther, among as many more other tokens as the sequence is longer.',
    build.logAxis('Length', 'log2', 'tokens'),
    build.shareAxis('accuracy'),
    mixersOf({ places }).map((mixer) =>
      build.line(
        mixer,
        mixer,
        places.flatMap(({ arm, mixer: own, length }) => {
          const value = own === mixer ? overSeeds(arms, 'accuracy', arm, [0, 1]) : undefined;
          return value ? [{ x: length, y: value.mean, low: value.low, high: value.high }] : [];
        }),
      ),
    ),
    {
      interval: "Student's 95 % interval over runs",
      references: [{ label: 'chance', from: [lengths[0] ?? 1, 1 / values], to: [lengths.at(-1) ?? 1, 1 / values] }],
    },
  );
}

/** Means alone are named; who is ahead is for the intervals of the table to say. */
export function finding({ arms, places, values }: MixersResult): string {
  const longest = lengthsOf({ places }).at(-1);
  const reached = places
    .flatMap(({ arm, mixer, length }) => {
      const value = length === longest ? overSeeds(arms, 'accuracy', arm, [0, 1]) : undefined;
      return value ? [{ mixer, value }] : [];
    })
    .sort((a, b) => b.value.mean - a.value.mean);
  const list = reached.map(({ mixer, value }) => `${mixer} ${overSeedsWords(value, 2)}`).join(', ');
  return `Accuracy at ${longest} tokens after ${arms.steps} steps: ${list}. Chance is ${(1 / values).toPrecision(2)}.`;
}

/** Curves of the longest sequences, and a table of all. */
export function sections({ arms, places, values }: MixersResult): readonly Section[] {
  const longest = lengthsOf({ places }).at(-1);
  const shown = new Map(
    places.flatMap(({ arm, mixer, length }) => (length === longest ? [[arm, mixer] as const] : [])),
  );
  const last = {
    ...arms,
    arms: arms.arms.flatMap((arm) => {
      const title = shown.get(arm.id);
      return title === undefined ? [] : [{ ...arm, title }];
    }),
    runs: arms.runs.filter(({ arm }) => shown.has(arm)),
  };
  return [byLength({ arms, places, values }), ...armsSections(last, [accuracy(values, longest)])];
}

export const weights = (folder: string): Section =>
  networksSection(
    `The weights of the first run of each network are in ${folder}. The panel of modules reads a mixer: for a file such as convolution-64.safetensors the module Long convolution, prefix layers.0.self_attn.`,
  );
