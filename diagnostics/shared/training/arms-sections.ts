/** What is shown of arms: curves over steps, and a table of what was reached with intervals over runs. */
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import { differenceOverSeeds, overSeeds, type ArmRun, type ArmsResult } from './arms';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

/** A measure of the arms and how it is said. */
export interface ArmMeasure {
  /** Among the measures of a checkpoint. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly definition: string;
  /** What its values can be, where that is bounded. */
  readonly range?: readonly [number, number];
  readonly scale?: 'linear' | 'log10';
  /** A level that is reached without learning, or that cannot be passed. */
  readonly levels?: readonly { readonly title: string; readonly value: number }[];
}

/** Means over the runs of an arm by step, between their smallest and largest: runs that are not as far yet are left out there. */
function seriesOf(
  { arms, runs }: ArmsResult,
  pointsOf: (run: ArmRun) => readonly { readonly step: number; readonly value: number }[],
): readonly SectionSeries[] {
  return arms.flatMap(({ id, title }) => {
    const byStep = new Map<number, number[]>();
    for (const run of runs) {
      if (run.arm !== id) continue;
      for (const { step, value } of pointsOf(run)) {
        if (Number.isFinite(value)) byStep.set(step, [...(byStep.get(step) ?? []), value]);
      }
    }
    const points = [...byStep]
      .sort(([a], [b]) => a - b)
      .map(([step, values]) => ({
        x: step,
        y: mean(values),
        ...(values.length > 1 ? { low: Math.min(...values), high: Math.max(...values) } : {}),
      }));
    return points.length > 0 ? [build.line(id, title, points)] : [];
  });
}

const band = 'smallest and largest of the runs';

/** A title inside a sentence; an acronym stays as it is. */
const inSentence = (title: string): string =>
  /^\p{Lu}\p{Ll}|^\p{Lu} /u.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title;

/** A measure against steps, one line for each arm. */
export function armsChart(result: ArmsResult, measure: ArmMeasure, caption = measure.definition) {
  const { name, title, unit, range: [min, max] = [], scale = 'linear', levels = [] } = measure;
  return build.chart(
    `arms-${name}`,
    `${title} by step`,
    caption,
    build.axis('step', '', { min: 0, max: result.steps }),
    {
      title: inSentence(title),
      unit,
      scale,
      ...(min !== undefined && Number.isFinite(min) ? { min } : {}),
      ...(max !== undefined && Number.isFinite(max) ? { max } : {}),
    },
    seriesOf(result, ({ curves }) => curves.measures[name] ?? []),
    {
      references:
        levels.length > 0
          ? levels.map(({ title: label, value }) => ({ label, from: [0, value], to: [result.steps, value] }))
          : undefined,
      interval: band,
    },
  );
}

/** The loss of the batches that are trained on. */
export const armsLoss = (result: ArmsResult, unit = 'nats') =>
  build.chart(
    'arms-training-loss',
    'Training loss by step',
    'Mean over neighbouring steps and over the runs of a network.',
    build.axis('step', '', { min: 0, max: result.steps }),
    build.axis('loss', unit),
    seriesOf(result, ({ curves }) => curves.loss.map(({ step, mean: value }) => ({ step, value }))),
    { interval: band },
  );

/** One row for each arm: what was reached, and the difference from the first arm. */
export function armsTable(result: ArmsResult, measures: readonly ArmMeasure[]) {
  const { arms } = result;
  const [first] = arms;
  const compared = arms.length > 1 && first !== undefined;
  const columns = measures.flatMap(({ name, title, unit, definition }) => [
    build.number(name, title, `${definition} Mean over the runs that have ended.`, unit),
    build.number(
      `${name}-low`,
      'from',
      `Lower end of Student's 95 % interval of ${inSentence(title)} over runs.`,
      unit,
    ),
    build.number(`${name}-high`, 'to', 'Upper end of it.', unit),
    ...(compared
      ? [
          build.number(
            `${name}-difference`,
            `minus ${first.title}`,
            `${title} less that of ${first.title}, paired by seed: mean of the differences.`,
            unit,
          ),
          build.number(
            `${name}-difference-low`,
            'from',
            "Lower end of Student's 95 % interval of the difference.",
            unit,
          ),
          build.number(`${name}-difference-high`, 'to', 'Upper end of it.', unit),
        ]
      : []),
  ]);
  const cells = (arm: string) =>
    measures.flatMap(({ name, range }) => {
      const own = overSeeds(result, name, arm, range);
      const difference = compared && arm !== first.id ? differenceOverSeeds(result, name, arm, first.id) : undefined;
      return [
        cellOf(own?.mean),
        cellOf(own?.low),
        cellOf(own?.high),
        ...(compared ? [cellOf(difference?.mean), cellOf(difference?.low), cellOf(difference?.high)] : []),
      ];
    });
  return build.cellTable(
    'arms',
    'Results after training',
    '',
    [
      build.text('arm', 'Network'),
      { ...build.number('parameters', 'Parameters', 'Trained numbers of the network.'), digits: 9 },
      { ...build.text('runs', 'Runs'), definition: 'Runs that have ended.' },
      ...columns,
    ],
    arms.map(({ id, title, parameters }) => {
      const ended = measures[0] ? overSeeds(result, measures[0].name, id)?.n : undefined;
      return [title, parameters, String(ended ?? 0), ...cells(id)];
    }),
  );
}

/** Curves of every measure, the training loss, and the table. */
export const armsSections = (
  result: ArmsResult,
  measures: readonly ArmMeasure[],
  lossUnit = 'nats',
): readonly Section[] => [
  ...measures.map((measure) => armsChart(result, measure)),
  armsTable(result, measures),
  armsLoss(result, lossUnit),
];

/** `The networks are not trained yet.`, or how far they are; undefined when every run has ended. */
export function armsProgress(result: ArmsResult | undefined, seeds?: number): string | undefined {
  if (!result || result.runs.length === 0) return 'The networks are not trained yet.';
  const ended = result.runs.filter(({ curves }) => curves.loss.at(-1)?.step === result.steps).length;
  const all = seeds === undefined ? undefined : seeds * result.arms.length;
  const open = all === undefined ? ended < result.runs.length : ended < all;
  if (!open) return undefined;
  return `${ended}${all === undefined ? '' : ` of ${all}`} ${all === undefined && ended === 1 ? 'run has' : 'runs have'} ended so far.`;
}

/** `0.62 (0.55 to 0.69)`, or the mean alone where there is one run. */
export function overSeedsWords(
  value: { readonly mean: number; readonly low: number; readonly high: number },
  digits = 3,
): string {
  const say = (x: number): string => String(Number(x.toPrecision(digits)));
  return Number.isNaN(value.low) ? say(value.mean) : `${say(value.mean)} (${say(value.low)} to ${say(value.high)})`;
}
