/** What a result of zerotuning shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { quotedToken } from '../../../protocol/wire/token-name';
import { grid } from './choose';
import { controlWords, methodCells, methodColumns } from '../../shared/labelled-heads/methods';
import type { Score } from '../../shared/labelled-heads/questions';
import { threeDigits } from '../../../protocol/wire/number-words';
import type { CurvePoint, Range, ZeroTuningResult } from './result';
import * as build from '../../../protocol/sections/builders';

const ask = 'Show its last row before and after';

type Partly = Partial<ZeroTuningResult>;

export const sections = (result: Partly): readonly Section[] => [
  ...(result.up && result.down ? [headsSection(result)] : []),
  ...(result.methods ? [methodsSection(result.methods, result)] : []),
  ...(result.curve && result.curve.length > 0 ? curves(result.curve, result) : []),
  ...(result.chosen && result.chosen.length > 0 ? [chosenSection(result.chosen, result)] : []),
  ...(result.heldOut ? [notes(result)] : []),
];

const targetWords = (target: Partly['target']): string =>
  target === 'entropy' ? 'minus the entropy of the next token' : 'ln of the probability of the right answer';

function headsSection(result: Partly) {
  const { up = [], down = [], profile = [], sensitivity, firstTokenMass, target, gamma = Number.NaN } = result;
  const { upEffective = [], downEffective = [], chosen, calibration, method } = result;
  const gain = (
    name: string,
    title: string,
    definition: string,
    values: HeadsLayer['values'],
    range?: Range,
  ): HeadsLayer =>
    build.signed(
      name,
      title,
      definition,
      values,
      'nats',
      range ? { ...range, interval: '95 % interval over the calibration prompts' } : {},
    );
  const of = `mean over the calibration prompts of ${targetWords(target)}`;
  const alone = (factor: number): string =>
    method === 'gradient'
      ? `An estimate: the sensitivity times ln ${threeDigits(factor)}.`
      : `The ${of} with gamma ${threeDigits(factor)} on the first token of this head alone, less that of the plain model.`;
  return build.heads(
    'heads',
    'What gamma on the first token does, head by head',
    `Each head alone, ${method === 'gradient' ? 'estimated by gradients' : 'measured'} on ${calibration} calibration ${calibration === 1 ? 'prompt' : 'prompts'}. Gamma multiplies the weight on token 0 before the row is renormalised.`,
    [
      gain('up', `Gain at gamma ${threeDigits(gamma)}`, alone(gamma), up, result.upRange),
      gain('down', `Gain at gamma ${threeDigits(1 / gamma)}`, alone(1 / gamma), down, result.downRange),
      gain('profile', 'Larger of the two gains', 'The gain by which heads are ranked.', profile),
      sensitivity &&
        gain(
          'sensitivity',
          'Sensitivity',
          `Derivative of the ${of} by ln gamma of this head, at gamma 1.`,
          sensitivity,
        ),
      firstTokenMass &&
        build.shares(
          'firstTokenMass',
          'Weight on the first token',
          'Mean over i = 1..T-1 of p(i, 0) and over all prompts: without it gamma has no lever.',
          firstTokenMass,
        ),
    ],
    {
      ask,
      classes: [
        build.headClass(
          'up',
          'up-effective',
          `The gain at gamma ${threeDigits(gamma)} is above 0 and the larger one.`,
          upEffective,
        ),
        build.headClass(
          'down',
          'down-effective',
          `The gain at gamma ${threeDigits(1 / gamma)} is above 0 and the larger one.`,
          downEffective,
        ),
      ],
      marked: chosen ? chosen.map(({ layer, head }) => ({ layer, head })) : undefined,
    },
  );
}

function curves(curve: readonly CurvePoint[], { best, chosen = [] }: Partly): readonly ChartSection[] {
  const chart = (
    id: keyof Score,
    words: { readonly title: string; readonly axis: string; readonly unit: string },
    range: { readonly min?: number; readonly max?: number } = {},
  ) =>
    build.chart(
      `curve-${id}`,
      words.title,
      `One gamma on the ${chosen.length} chosen heads; gamma 1 is the plain model.`,
      build.logAxis('gamma', 'log10'),
      { title: words.axis, unit: words.unit, scale: 'linear', ...range },
      (['calibration', 'heldOut'] as const).map((half) =>
        build.line(
          half,
          half === 'calibration' ? 'calibration prompts' : 'held-out prompts',
          curve.map((point) => ({ x: point.gamma, y: point[half][id] })),
        ),
      ),
      {
        references:
          best === undefined || Number.isNaN(best)
            ? undefined
            : [{ label: 'chosen', from: [best, lowest(curve, id)], to: [best, highest(curve, id)] }],
      },
    );
  return [
    chart('accuracy', { title: 'Accuracy against gamma', axis: 'accuracy', unit: '' }, { min: 0, max: 1 }),
    chart('entropy', { title: 'Entropy of the next token against gamma', axis: 'mean entropy', unit: 'nats' }),
    chart('logProbability', {
      title: 'Probability of the right answer against gamma',
      axis: 'mean ln p',
      unit: 'nats',
    }),
  ];
}

const valuesOf = (curve: readonly CurvePoint[], id: keyof Score): readonly number[] =>
  curve.flatMap(({ calibration, heldOut }) => [calibration[id], heldOut[id]]).filter((value) => !Number.isNaN(value));
const lowest = (curve: readonly CurvePoint[], id: keyof Score): number => Math.min(...valuesOf(curve, id));
const highest = (curve: readonly CurvePoint[], id: keyof Score): number => Math.max(...valuesOf(curve, id));

function chosenSection(chosen: ZeroTuningResult['chosen'], { firstTokenMass }: Partly) {
  return build.table(
    'chosen',
    'Chosen heads',
    'The best of the dominant type, by the gain of each alone.',
    chosen,
    [
      build.head(),
      build.number('gain', 'Gain alone', 'As in the grid of heads.', 'nats'),
      build.number(
        'mass',
        'Weight on the first token',
        'Mean over queries and prompts, without gamma.',
        ({ layer, head }) => firstTokenMass?.[layer]?.[head],
      ),
      build.number('gamma', 'Gamma', 'The one that is chosen for all of them.', ({ value }) => value),
    ],
    { ask },
  );
}

function methodsSection(methods: ZeroTuningResult['methods'], { heldOut, temperature }: Partly) {
  return build.cellTable(
    'methods',
    'On the held-out prompts, beside controls',
    controlWords(heldOut?.n ?? 0, temperature),
    methodColumns(),
    methods.map((method) => methodCells(method)),
  );
}

function notes({
  firstToken,
  best = 1,
  chosen = [],
  windowed = 0,
  target,
  opposite = 0,
  tried = 0,
  gamma = Number.NaN,
}: Partly) {
  const token = quotedToken(firstToken?.text ?? '');
  return build.paragraphs('notes', 'How to read this', [
    firstToken?.special
      ? `Token 0 is ${token}, the beginning-of-sequence token.`
      : `Token 0 is ${token}: the prompts have no beginning-of-sequence token, so their first word is the lever.`,
    `Gamma ${threeDigits(gamma)} and ${threeDigits(1 / gamma)} have opposite effects in ${opposite} of ${tried} heads.`,
    'Gamma moves weight between token 0 and the rest. Among the other keys the distribution stays as it was: it is not made sharper.',
    ...(chosen.length > 0 && (best === grid[0] || best === grid.at(-1))
      ? [`Gamma ${threeDigits(best)} is the end of the sweep: beyond it the target may be better still.`]
      : []),
    ...(windowed > 0
      ? [
          `${windowed} layers have a window shorter than the longest prompt: queries behind it do not reach token 0, and gamma does nothing there.`,
        ]
      : []),
    ...(target === 'entropy'
      ? ['Gamma was chosen by entropy alone, without the answers. Confident does not mean right: look at the accuracy.']
      : []),
  ]);
}
