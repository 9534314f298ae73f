/** What the experiment shows and says: accuracy against n and against the state, curves of the trainings, the table of what was reached. */
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import { lastValue, overSeeds } from '../../shared/training/arms';
import { armsSections, overSeedsWords, type ArmMeasure } from '../../shared/training/arms-sections';
import { networksSection } from '../../shared/training/arms-steps';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { mixerKinds, type MixerKind } from './mixers';
import type { StateArm, StateSizeResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

export const accuracyName = 'accuracy';

const titles: Readonly<Record<MixerKind, string>> = {
  softmax: 'softmax',
  linear: 'linear',
  normalised: 'normalised',
  taylor: 'cut series',
};

const measureOf = ({ task: { pairs } }: StateSizeResult): ArmMeasure => ({
  name: accuracyName,
  title: 'Accuracy',
  unit: '',
  definition:
    'Share of the questions of 256 new sequences whose value has the largest logit; chance: one of the values of the sequence.',
  range: [0, 1],
  levels: [{ title: 'chance', value: 1 / pairs }],
});

export function finding(result: StateSizeResult): string {
  const { length, pairs } = result.task;
  const widest = Math.max(...result.states.map(({ keyWidth }) => keyWidth));
  const reached = mixerKinds.flatMap((kind) => {
    const arm = result.states.find((state) => state.kind === kind && state.keyWidth === widest);
    const found = arm && overSeeds(result.arms, accuracyName, arm.arm, [0, 1]);
    return found ? [{ kind, ...found }] : [];
  });
  const words = reached.map((one) => `${titles[one.kind]} ${overSeedsWords(one)}`).join(', ');
  const { ordered, runs } = inOrder(result, widest);
  return `Share recalled of ${pairs} pairs in ${length} tokens, with queries and keys of width ${widest}: ${words}; chance is ${threeDigits(1 / pairs)}. In ${ordered} of ${counted(runs, 'run', 'runs')} linear attention recalls less than normalised attention and that less than softmax, each by ${least} or more, as published.`;
}

/** Differences below it are not told apart from chance: about two standard errors of 256 sequences. */
const least = 0.05;

/** Runs in which the three that the paper compares are in its order. */
function inOrder(
  { arms, states }: StateSizeResult,
  keyWidth: number,
): { readonly ordered: number; readonly runs: number } {
  const valueOf = (kind: MixerKind, seed: number): number | undefined => {
    const arm = states.find((state) => state.kind === kind && state.keyWidth === keyWidth)?.arm;
    const run = arms.runs.find((each) => each.arm === arm && each.seed === seed);
    return run && lastValue(run, accuracyName, arms.steps);
  };
  const seeds = [...new Set(arms.runs.map(({ seed }) => seed))];
  const triples = seeds.flatMap((seed) => {
    const [linear, normalised, softmax] = (['linear', 'normalised', 'softmax'] as const).map((kind) =>
      valueOf(kind, seed),
    );
    return linear === undefined || normalised === undefined || softmax === undefined
      ? []
      : [[linear, normalised, softmax] as const];
  });
  return { ordered: triples.filter(([a, b, c]) => b - a >= least && c - b >= least).length, runs: triples.length };
}

export function sections(result: StateSizeResult): readonly Section[] {
  if (result.arms.runs.length === 0) return [];
  return [
    ...[sizeChart(result, 'keyWidth'), sizeChart(result, 'state')].filter(({ series }) => series.length > 0),
    ...armsSections(result.arms, [measureOf(result)]),
  ];
}

/** Mean accuracy of the runs that have ended, one line for each kind. */
function sizeChart(result: StateSizeResult, of: 'keyWidth' | 'state') {
  const point = (arm: StateArm): SectionSeries['points'] => {
    const values = result.arms.runs.flatMap((run) => {
      const value = run.arm === arm.arm ? lastValue(run, accuracyName, result.arms.steps) : undefined;
      return value === undefined ? [] : [value];
    });
    if (values.length === 0 || Number.isNaN(arm[of])) return [];
    const bounds = values.length > 1 ? { low: Math.min(...values), high: Math.max(...values) } : {};
    return [{ x: arm[of], y: mean(values), ...bounds }];
  };
  const series = mixerKinds.flatMap((kind): SectionSeries[] => {
    const points = result.states.filter((state) => state.kind === kind).flatMap(point);
    return points.length > 0 ? [build.line(kind, titles[kind], points)] : [];
  });
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x ?? 0));
  const chance = 1 / result.task.pairs;
  return build.chart(
    of === 'state' ? 'by-state' : 'by-width',
    of === 'state' ? 'Accuracy by the numbers of the state' : 'Accuracy by n',
    of === 'state'
      ? 'Numbers that a layer carries from token to token: n d, or C(n + p, p) d of the series cut after degree p. Softmax has no finite state.'
      : 'n: width of queries and keys. Share of the questions of 256 new sequences whose value has the largest logit.',
    build.logAxis(of === 'state' ? 'numbers of the state' : 'n', 'log2'),
    build.shareAxis('accuracy'),
    series,
    {
      references: [{ label: 'chance', from: [Math.min(...xs), chance], to: [Math.max(...xs), chance] }],
      interval: 'smallest and largest of the runs',
    },
  );
}

export const weights = (folder: string): Section =>
  networksSection(
    `Two layers of a norm and attention with one head, no MLP; weights of the first run, by the names of zoology, are in ${folder}.`,
  );
