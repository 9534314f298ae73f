/** What a result of act shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { controlWords, methodCells, methodColumns } from '../../shared/labelled-heads/methods';
import { cellOf } from '../../../protocol/sections/cell';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { ruleWords } from './finding';
import type { ActCurvePoint, ActResult } from './result';
import { sinkSections } from './sink-sections';
import * as build from '../../../protocol/sections/builders';

const ask = 'Show its column strengths and last row';

type Partly = Partial<ActResult>;

export const sections = (result: Partly): readonly Section[] => [
  ...(result.sinks ? [headsSection(result.sinks, result)] : []),
  ...(result.methods ? [methodsSection(result.methods, result)] : []),
  ...(result.chosen && result.chosen.length > 0 ? [chosenSection(result.chosen, result)] : []),
  ...(result.curve && result.curve.length > 0 ? curves(result.curve, result) : []),
  ...sinkSections(result),
  ...(result.heldOut ? [notes(result)] : []),
];

const metricWords = ({ metric }: Partly): string =>
  metric === 'accuracy' ? 'the accuracy' : 'the mean ln of the probability of the right answer';

const metricUnit = ({ metric }: Partly): string => (metric === 'accuracy' ? '' : 'nats');

function headsSection(sinks: ActResult['sinks'], result: Partly) {
  const {
    profile,
    profileRange,
    error,
    seen,
    firstMass,
    sinkMass,
    chosen,
    beta = Number.NaN,
    calibration = 0,
  } = result;
  const share = { unit: '', scale: build.ranges.share } as const;
  const mass = 'Mean over the queries behind the first, and over the prompts whose maps were read, of the attention on';
  const gain: readonly HeadsLayer[] =
    profile && profileRange && error && seen
      ? [
          {
            name: 'profile',
            title: 'Gain when calibrated',
            unit: metricUnit(result),
            definition: `Change of ${metricWords(result)} when beta ${threeDigits(beta)} calibrates the later sinks of this head alone, over the calibration prompts.`,
            scale: build.ranges.diverging,
            values: profile,
            ...profileRange,
            interval: '95 % interval over the calibration prompts',
          },
          build.scaled(
            build.ranges.sequential,
            'error',
            'Standard error of the gain',
            'Standard deviation of the gains of the prompts, divided by the root of their number.',
            error,
            metricUnit(result),
          ),
          build.amounts(
            'seen',
            'Prompts tried',
            'Calibration prompts that the head was tried on; where it has no later sink its gain is 0.',
            seen,
            'prompts',
          ),
        ]
      : [];
  return build.heads(
    'heads',
    'Later sinks and what calibrating them does, head by head',
    `A later sink: ${ruleWords(result)}, and not the first token. Each head is calibrated alone on ${counted(calibration, 'calibration prompt', 'calibration prompts')}.`,
    [
      ...gain,
      build.amounts(
        'sinks',
        'Later sinks a prompt',
        'Mean over all prompts of the number of keys that are later sinks of the head.',
        sinks,
      ),
      sinkMass && {
        ...share,
        name: 'sinkMass',
        title: 'Mass on later sinks',
        definition: `${mass} later sinks.`,
        values: sinkMass,
      },
      firstMass && {
        ...share,
        name: 'firstMass',
        title: 'Mass on the first token',
        definition: `${mass} token 0.`,
        values: firstMass,
      },
    ],
    { ask, marked: chosen ? chosen.map(({ layer, head }) => ({ layer, head })) : undefined },
  );
}

function methodsSection(methods: ActResult['methods'], { heldOut, temperature, beta = Number.NaN }: Partly) {
  return build.cellTable(
    'methods',
    'On the held-out prompts, beside controls',
    `Beta ${threeDigits(beta)}. "Pushed to sinks" is the other way round: as large a share of all other attention goes to the later sinks. ${controlWords(heldOut?.n ?? 0, temperature)}`,
    [
      ...methodColumns(['method', 'accuracy']),
      build.number('change', 'Change', 'Accuracy less that of the plain model.'),
      build.number('low', 'from', 'Lower end of the 95 % interval of the change of accuracy (paired, Student).'),
      build.number('high', 'to', 'Upper end of the 95 % interval of the change of accuracy (paired, Student).'),
      ...methodColumns(['probability']),
      build.number('gain', 'Change', 'Mean ln p less that of the plain model.', 'nats'),
      build.number(
        'gainLow',
        'from',
        'Lower end of the 95 % interval of the change of ln p (paired, Student).',
        'nats',
      ),
      build.number('gainHigh', 'to', 'Upper end of the 95 % interval of the change of ln p (paired, Student).', 'nats'),
      ...methodColumns(['labels', 'entropy']),
    ],
    methods.map((method) => [
      ...methodCells(method, ['method', 'accuracy']),
      ...[method.change, method.low, method.high].map(cellOf),
      ...methodCells(method, ['probability']),
      ...[method.gain, method.gainLow, method.gainHigh].map(cellOf),
      ...methodCells(method, ['labels', 'entropy']),
    ]),
  );
}

const chosenSection = (chosen: ActResult['chosen'], result: Partly) => {
  const { error, sinks, sinkMass } = result;
  return build.table(
    'chosen',
    'Chosen heads',
    `Gain above ${counted(result.margin ?? 1, 'standard error', 'standard errors')}, best first.`,
    chosen,
    [
      build.head(),
      build.number('gain', 'Gain alone', 'As in the grid of heads.', metricUnit(result)),
      build.number(
        'error',
        'Standard error',
        'Standard error of the gain, over the calibration prompts.',
        metricUnit(result),
        ({ layer, head }) => error?.[layer]?.[head],
      ),
      build.number(
        'sinks',
        'Later sinks a prompt',
        'Mean over all prompts.',
        ({ layer, head }) => sinks?.[layer]?.[head],
      ),
      build.number(
        'mass',
        'Mass on later sinks',
        'Mean over queries and the prompts whose maps were read.',
        ({ layer, head }) => sinkMass?.[layer]?.[head],
      ),
      build.number('beta', 'Beta', 'What the head leaves of its attention on later sinks.', ({ value }) => value),
    ],
    { ask },
  );
};

function curves(curve: readonly ActCurvePoint[], { chosen = [] }: Partly): readonly ChartSection[] {
  const chart = (
    id: 'accuracy' | 'logProbability',
    title: string,
    y: { readonly title: string; readonly unit: string; readonly min?: number; readonly max?: number },
  ) =>
    build.chart(
      `curve-${id}`,
      title,
      `One beta on the ${counted(chosen.length, 'chosen head', 'chosen heads')}; beta 1 is the plain model, beta 0 takes all attention from later sinks.`,
      build.shareAxis('beta'),
      { ...y, scale: 'linear' },
      (['calibration', 'heldOut'] as const).map((half) =>
        build.line(
          half,
          half === 'calibration' ? 'calibration prompts' : 'held-out prompts',
          curve.map((point) => ({ x: point.beta, y: point[half][id] })),
        ),
      ),
    );
  return [
    chart('accuracy', 'Accuracy against beta', { title: 'accuracy', unit: '', min: 0, max: 1 }),
    chart('logProbability', 'Probability of the right answer against beta', { title: 'mean ln p', unit: 'nats' }),
  ];
}

function notes(result: Partly) {
  const { from = 0, to = 0, tried = 0, triedWithSinks = 0, chosen = [], margin = 1 } = result;
  return build.paragraphs('notes', 'How to read this', [
    `Heads of layers ${from} to ${to - 1} may be calibrated: ${tried}, of which ${triedWithSinks} have a later sink in a calibration prompt. The others would not change.`,
    'What is a sink is decided when the prompt has been read, and is the same while tokens are generated.',
    ...(margin === 1
      ? [
          'Among heads whose calibration does nothing on average, about one in six gains more than one standard error by chance. The held-out prompts decide.',
        ]
      : []),
    ...(chosen.length > 0
      ? ['The list of heads is fitted to this task: on another one the same heads may lose what they gain here.']
      : []),
  ]);
}
