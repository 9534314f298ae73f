/** What a result of act shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsLayer, HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import type { TextSection } from '../../../protocol/sections/text';
import { controlWords, methodCells, methodColumns } from '../../shared/labelled-heads/methods';
import { cellOf, numberColumn } from '../../shared/sections/cell';
import { counted, threeDigits } from '../../shared/words';
import { ruleWords } from './finding';
import type { ActCurvePoint, ActResult } from './result';
import { sinkSections } from './sink-sections';

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

function headsSection(sinks: ActResult['sinks'], result: Partly): HeadsSection {
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
  const share = { unit: '', scale: { kind: 'sequential', min: 0, max: 1 } } as const;
  const mass = 'Mean over the queries behind the first, and over the prompts whose maps were read, of the attention on';
  const gain: readonly HeadsLayer[] =
    profile && profileRange && error && seen
      ? [
          {
            name: 'profile',
            title: 'Gain when calibrated',
            unit: metricUnit(result),
            definition: `Change of ${metricWords(result)} when beta ${threeDigits(beta)} calibrates the later sinks of this head alone, over the calibration prompts.`,
            scale: { kind: 'diverging' },
            values: profile,
            ...profileRange,
            interval: '95 % interval over the calibration prompts',
          },
          {
            name: 'error',
            title: 'Standard error of the gain',
            unit: metricUnit(result),
            definition: 'Standard deviation of the gains of the prompts, divided by the root of their number.',
            scale: { kind: 'sequential' },
            values: error,
          },
          {
            name: 'seen',
            title: 'Prompts tried',
            unit: 'prompts',
            definition: 'Calibration prompts that the head was tried on; where it has no later sink its gain is 0.',
            scale: { kind: 'sequential', min: 0 },
            values: seen,
          },
        ]
      : [];
  return {
    kind: 'heads',
    id: 'heads',
    title: 'Later sinks and what calibrating them does, head by head',
    caption: `A later sink: ${ruleWords(result)}, and not the first token. Each head is calibrated alone on ${counted(calibration, 'calibration prompt', 'calibration prompts')}.`,
    ask,
    numbers: [
      ...gain,
      {
        name: 'sinks',
        title: 'Later sinks a prompt',
        unit: '',
        definition: 'Mean over all prompts of the number of keys that are later sinks of the head.',
        scale: { kind: 'sequential', min: 0 },
        values: sinks,
      },
      ...(sinkMass
        ? [
            {
              ...share,
              name: 'sinkMass',
              title: 'Mass on later sinks',
              definition: `${mass} later sinks.`,
              values: sinkMass,
            },
          ]
        : []),
      ...(firstMass
        ? [
            {
              ...share,
              name: 'firstMass',
              title: 'Mass on the first token',
              definition: `${mass} token 0.`,
              values: firstMass,
            },
          ]
        : []),
    ],
    ...(chosen ? { marked: chosen.map(({ layer, head }) => ({ layer, head })) } : {}),
  };
}

function methodsSection(
  methods: ActResult['methods'],
  { heldOut, temperature, beta = Number.NaN }: Partly,
): TableSection {
  return {
    kind: 'table',
    id: 'methods',
    title: 'On the held-out prompts, beside controls',
    caption: `Beta ${threeDigits(beta)}. "Pushed to sinks" is the other way round: as large a share of all other attention goes to the later sinks. ${controlWords(heldOut?.n ?? 0, temperature)}`,
    columns: [
      ...methodColumns(['method', 'accuracy']),
      numberColumn('change', 'Change', 'Accuracy less that of the plain model.'),
      numberColumn('low', 'from', 'Lower end of the 95 % interval of the change of accuracy (paired, Student).'),
      numberColumn('high', 'to', 'Upper end of the 95 % interval of the change of accuracy (paired, Student).'),
      ...methodColumns(['probability']),
      numberColumn('gain', 'Change', 'Mean ln p less that of the plain model.', 'nats'),
      numberColumn(
        'gainLow',
        'from',
        'Lower end of the 95 % interval of the change of ln p (paired, Student).',
        'nats',
      ),
      numberColumn('gainHigh', 'to', 'Upper end of the 95 % interval of the change of ln p (paired, Student).', 'nats'),
      ...methodColumns(['labels', 'entropy']),
    ],
    rows: methods.map((method) => [
      ...methodCells(method, ['method', 'accuracy']),
      ...[method.change, method.low, method.high].map(cellOf),
      ...methodCells(method, ['probability']),
      ...[method.gain, method.gainLow, method.gainHigh].map(cellOf),
      ...methodCells(method, ['labels', 'entropy']),
    ]),
  };
}

const chosenSection = (chosen: ActResult['chosen'], result: Partly): TableSection => {
  const { error, sinks, sinkMass } = result;
  return {
    kind: 'table',
    id: 'chosen',
    title: 'Chosen heads',
    caption: `Gain above ${counted(result.margin ?? 1, 'standard error', 'standard errors')}, best first.`,
    ask,
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      numberColumn('gain', 'Gain alone', 'As in the grid of heads.', metricUnit(result)),
      numberColumn('error', 'Standard error', 'Of the gain, over the calibration prompts.', metricUnit(result)),
      numberColumn('sinks', 'Later sinks a prompt', 'Mean over all prompts.'),
      numberColumn('mass', 'Mass on later sinks', 'Mean over queries and the prompts whose maps were read.'),
      numberColumn('beta', 'Beta', 'What the head leaves of its attention on later sinks.'),
    ],
    rows: chosen.map(({ layer, head, gain, value }) => [
      { layer, head },
      cellOf(gain),
      cellOf(error?.[layer]?.[head]),
      cellOf(sinks?.[layer]?.[head]),
      cellOf(sinkMass?.[layer]?.[head]),
      cellOf(value),
    ]),
  };
};

function curves(curve: readonly ActCurvePoint[], { chosen = [] }: Partly): readonly ChartSection[] {
  const chart = (
    id: 'accuracy' | 'logProbability',
    title: string,
    y: { readonly title: string; readonly unit: string; readonly min?: number; readonly max?: number },
  ): ChartSection => ({
    kind: 'chart',
    id: `curve-${id}`,
    title,
    caption: `One beta on the ${counted(chosen.length, 'chosen head', 'chosen heads')}; beta 1 is the plain model, beta 0 takes all attention from later sinks.`,
    x: { title: 'beta', unit: '', scale: 'linear', min: 0, max: 1 },
    y: { ...y, scale: 'linear' },
    series: (['calibration', 'heldOut'] as const).map((half) => ({
      id: half,
      title: half === 'calibration' ? 'calibration prompts' : 'held-out prompts',
      mark: 'line',
      points: curve.map((point) => ({ x: point.beta, y: point[half][id] })),
    })),
  });
  return [
    chart('accuracy', 'Accuracy against beta', { title: 'accuracy', unit: '', min: 0, max: 1 }),
    chart('logProbability', 'Probability of the right answer against beta', { title: 'mean ln p', unit: 'nats' }),
  ];
}

function notes(result: Partly): TextSection {
  const { from = 0, to = 0, tried = 0, triedWithSinks = 0, chosen = [], margin = 1 } = result;
  return {
    kind: 'text',
    id: 'notes',
    title: 'How to read this',
    paragraphs: [
      `Heads of layers ${from} to ${to - 1} may be calibrated: ${tried}, of which ${triedWithSinks} have a later sink in a calibration prompt. The others would not change.`,
      'What is a sink is decided when the prompt has been read, and is the same while tokens are generated.',
      ...(margin === 1
        ? [
            'Of heads whose calibration does nothing on average, about one in six gains more than one standard error by chance. The held-out prompts decide.',
          ]
        : []),
      ...(chosen.length > 0
        ? ['The list of heads is fitted to this task: on another one the same heads may lose what they gain here.']
        : []),
    ],
  };
}
