/** What the experiment shows: errors against examples, heads and the mean of the query-key matrices, and a table. */
import type { SectionSeries } from '../../../protocol/sections/chart';
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import type { LensResult, Measured } from './result';
import { overRuns, slopeIn, type OverRuns } from './summary';
import { targetNames, type TargetName } from './targets';
import { modelNames, type ModelName } from './trial';
import * as build from '../../../protocol/sections/builders';

export function sections(given: Partial<LensResult>): readonly Section[] {
  if (!given.sizes || !given.measured?.length || !given.constant) return [];
  const result = given as LensResult;
  return [
    ...targetNames.map((target) => examplesChart(result, target)),
    meanChart(result),
    headsChart(result, 'T1'),
    headsChart(result, 'T2'),
    table(result),
    words(result),
  ].flatMap((section) => (isEmpty(section) ? [] : [section]));
}

const isEmpty = (section: Section): boolean => section.kind === 'chart' && section.series.length === 0;

const nameOf = ({ sizes: { first, second, angle } }: LensResult, target: TargetName): string =>
  ({ T1: `T1, degree ${first}`, T2: `T2, degree ${second}`, mixed: `T1 and T2 mixed at ${angle}°` })[target];

const definition = 'Mean of (f − y)² over mean of y², on 1000 examples that were not learned from.';

const error = build.logAxis('relative test error', 'log10');
const interval = 'smallest and largest of the runs';

const point = (x: number, found: OverRuns): SectionSeries['points'][number] => ({
  x,
  y: found.mean,
  ...(found.most > found.least ? { low: found.least, high: found.most } : {}),
});

/** Means over runs along a curve. */
function lineOf(
  result: LensResult,
  { curve, model }: Pick<Measured, 'curve' | 'model'>,
  target: TargetName,
): SectionSeries['points'] {
  const places = new Set(
    result.measured.flatMap((fit) => (fit.curve === curve && fit.model === model ? [fit.at] : [])),
  );
  return [...places]
    .sort((a, b) => a - b)
    .flatMap((at) => {
      const found = overRuns(result, { curve, at, model }, target);
      return found ? [point(at, found)] : [];
    });
}

const linesOf = (result: LensResult, curve: Measured['curve'], target: TargetName): readonly SectionSeries[] =>
  modelNames.flatMap((model) => {
    const points = lineOf(result, { curve, model }, target);
    return points.length > 0 ? [build.line(model, model, points)] : [];
  });

function examplesChart(result: LensResult, target: TargetName) {
  const { sizes, constant } = result;
  return build.chart(
    `examples-${target}`,
    `Error by examples: ${nameOf(result, target)}`,
    `${definition} λ is chosen on 500 further examples for each point.`,
    build.logAxis('examples n', 'log2'),
    error,
    linesOf(result, 'examples', target),
    {
      references: [
        {
          label: 'mean alone',
          from: [Math.ceil(sizes.examples / 8), constant[target]],
          to: [sizes.examples, constant[target]],
        },
      ],
      interval,
    },
  );
}

function headsChart(result: LensResult, target: 'T1' | 'T2') {
  const { fewExamples, dimension } = result.sizes;
  return build.chart(
    `heads-${target}`,
    `Error by heads: ${nameOf(result, target)}`,
    `After ${fewExamples} examples. RFMLP has ${dimension + 1} neurons for each head: as many learned numbers.`,
    build.logAxis('heads M', 'log2'),
    error,
    linesOf(result, 'heads', target),
    { interval },
  );
}

/** Both targets, so that one sees what a mean that helps the one costs the other. */
function meanChart(result: LensResult) {
  const series = (['T1', 'T2'] as const).flatMap((target) => {
    const points = lineOf(result, { curve: 'mean', model: 'BRFA' }, target);
    return points.length > 0 ? [build.line(target, target, points)] : [];
  });
  return build.chart(
    'mean',
    'Error by the mean of the query-key matrices',
    `After ${result.sizes.fewExamples} examples. The mean is w0 times the identity: 0 is RFA, 1 BRFA. ${nameOf(result, 'T1')}; ${nameOf(result, 'T2')}.`,
    build.axis('w0', '', { min: 0 }),
    error,
    series,
    { interval },
  );
}

function table(result: LensResult) {
  const { examples } = result.sizes;
  const at = (model: ModelName) => ({ curve: 'examples' as const, at: examples, model });
  const columns = targetNames.flatMap((target) => [
    build.number(target, nameOf(result, target), `${definition} Mean over runs.`),
    build.number(`${target}-low`, 'from', "Lower end of Student's 95 % interval over runs."),
    build.number(`${target}-high`, 'to', 'Upper end of it.'),
  ]);
  const slopes = (['T1', 'T2'] as const).map((target) =>
    build.number(
      `${target}-slope`,
      `slope, ${target}`,
      'Slope of ln(error) over ln(n), least squares through the means over runs.',
    ),
  );
  return build.cellTable(
    'errors',
    `Errors after ${examples} examples`,
    '',
    [build.text('model', 'Model'), ...columns, ...slopes],
    modelNames.map((model) => [
      model,
      ...targetNames.flatMap((target) => {
        const found = overRuns(result, at(model), target);
        return [cellOf(found?.mean), cellOf(found?.low), cellOf(found?.high)];
      }),
      cellOf(slopeIn(result, model, 'T1')),
      cellOf(slopeIn(result, model, 'T2')),
    ]),
  );
}

function words({ sizes, folder }: LensResult): Section {
  const { dimension, keys, heads, meanStrength } = sizes;
  return build.paragraphs('models', 'The models', [
    `An example is a query x_0 and ${keys} keys, unit vectors of ${dimension} dimensions; x~ is x with a 1 behind it. RFA: the sum over ${heads} heads of the mean over the keys of relu(x~_0 · W x~_i) v · x~_i, with W normal and frozen, and v learned. BRFA: W has the mean ${meanStrength} times the identity. RFMLP: a frozen layer of ${heads * (dimension + 1)} relu neurons on the joined input.`,
    'What is learned enters linearly: it is found by ridge regression, not by steps of a gradient.',
    ...(folder === undefined ? [] : [`Frozen and learned numbers of the first run are in ${folder}.`]),
  ]);
}
