/** What a result shows: plans side by side, quality over bytes, what each head keeps, accuracy by length and depth. */
import { headsByKeep, headPlanWords } from '../../../protocol/plans/head-plan';
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import type { PlanEvaluationResult } from './result';
import * as build from '../../../protocol/sections/builders';

const isMeasured = (result: Partial<PlanEvaluationResult>): result is PlanEvaluationResult =>
  (result.units?.length ?? 0) > 0;

const scoreWords = {
  accuracy: {
    title: 'accuracy',
    unit: '',
    definition: 'share of the prompts whose answer greedy decoding gives, all of its tokens',
    interval: 'Wilson’s 95 % interval',
    paired: 'the score interval of paired proportions (Tango 1998)',
  },
  loss: {
    title: 'loss',
    unit: 'nats a token',
    definition: '-ln of the probability of the next token, mean over the second half of each window and over windows',
    interval: '95 % interval of Student’s t over windows',
    paired: 'Student’s t of the paired differences',
  },
} as const;

export function sections(result: Partial<PlanEvaluationResult>): readonly Section[] {
  if (!isMeasured(result)) return [];
  return [
    plansTable(result),
    differencesTable(result),
    ...(new Set(result.curve.map(({ scale }) => scale)).size > 1 ? [curveChart(result)] : []),
    headsMap(result),
    ...(result.byFact.length > 0 ? [factTable(result)] : []),
    howMeasured(result),
  ];
}

const end = (which: string): string => `${which} end of the 95 % interval`;
const whole = (name: string, title: string, definition: string, unit = '') =>
  ({ ...build.number(name, title, definition, unit), digits: 12 }) as const;

function plansTable({ rows, scored }: PlanEvaluationResult): Section {
  const { title, unit, definition, interval } = scoreWords[scored];
  const timed = rows.some(({ tokensPerSecond }) => tokensPerSecond !== null);
  return build.cellTable(
    'plans',
    'Plans side by side',
    `The same prompts under each plan. Uniform: all heads keep as much, with at most the bytes of the plan at each prompt. Random: the head plans of the plan at heads drawn at random. Intervals: ${interval}.`,
    [
      build.text('plan', 'plan'),
      build.number('score', title, definition, unit),
      build.number('low', 'low', end('lower'), unit),
      build.number('high', 'high', end('upper'), unit),
      build.number(
        'share',
        'bytes kept',
        'bytes of the caches under the plan / of the full cache, once a prompt is read',
      ),
      whole(
        'bytes',
        'cache',
        'keys and values of all layers in float32 once a prompt is read, mean over prompts',
        'bytes',
      ),
      ...(timed
        ? [
            build.number(
              'tokensPerSecond',
              'speed',
              '1 / median time of a token that is decoded behind the longest prompt',
              'tokens/s',
            ),
          ]
        : []),
      ...(scored === 'loss'
        ? [build.number('perplexity', 'perplexity', 'e^loss')]
        : [
            build.number(
              'loss',
              'answer loss',
              '-ln of the probability of the right answer, mean over prompts',
              'nats',
            ),
          ]),
    ],
    rows.map((row) => [
      row.plan,
      cellOf(row.score),
      cellOf(row.low),
      cellOf(row.high),
      row.share,
      row.bytes,
      ...(timed ? [row.tokensPerSecond] : []),
      scored === 'loss' ? row.perplexity : cellOf(row.loss),
    ]),
  );
}

function differencesTable({ rows, scored }: PlanEvaluationResult): Section {
  const { title, unit, paired } = scoreWords[scored];
  return build.cellTable(
    'differences',
    'Differences on the same prompts',
    `Intervals: ${paired}; one that leaves 0 out shows a difference.`,
    [
      build.text('plan', 'plan'),
      build.number('change', 'less the full cache', `${title} less that of the full cache`, unit),
      build.number('changeLow', 'low', end('lower'), unit),
      build.number('changeHigh', 'high', end('upper'), unit),
      build.number('lead', 'the plan less it', `${title} of the plan less that of this row`, unit),
      build.number('leadLow', 'low', end('lower'), unit),
      build.number('leadHigh', 'high', end('upper'), unit),
    ],
    rows.map((row) => [
      row.plan,
      ...[row.change, row.changeLow, row.changeHigh].map((value) => (row.kind === 'full' ? null : cellOf(value))),
      ...[row.lead, row.leadLow, row.leadHigh].map((value) => (row.kind === 'plan' ? null : cellOf(value))),
    ]),
  );
}

function curveChart({ curve, rows, scored }: PlanEvaluationResult): Section {
  const { title, unit, interval } = scoreWords[scored];
  const full = rows.find(({ kind }) => kind === 'full');
  const bytes = curve.map((point) => point.bytes);
  const series = (['plan', 'uniform', 'random'] as const).flatMap((kind, colour) => {
    const own = curve.filter((point) => point.kind === kind);
    if (own.length === 0) return [];
    return {
      id: kind,
      title: kind,
      mark: 'line',
      look: { colour, shape: colour },
      points: [...own]
        .sort((a, b) => a.bytes - b.bytes)
        .map(({ bytes: x, score: y, low, high }) => (Number.isNaN(low) ? { x, y } : { x, y, low, high })),
    } as const;
  });
  return build.chart(
    'curve',
    'Quality over bytes',
    'Heads that keep everything stay as they are; what the others keep is halved and doubled from point to point. Uniform and random plans of the same bytes beside it.',
    build.axis('cache', 'bytes', { min: 0 }),
    { title, unit, scale: 'linear', ...(scored === 'accuracy' ? { min: 0, max: 1 } : {}) },
    series,
    {
      references:
        full && !Number.isNaN(full.score)
          ? [
              {
                label: 'full cache',
                from: [Math.min(...bytes), full.score],
                to: [Math.max(...bytes), full.score],
              },
            ]
          : undefined,
      interval,
    },
  );
}

/** Kinds of head plans that are listed as classes, at most: of more the map alone is read. */
const mostClasses = 8;

function headsMap({ plan: { heads }, kept }: PlanEvaluationResult) {
  const kinds = headsByKeep(heads);
  return build.heads(
    'heads',
    'What each key/value head keeps',
    '',
    [
      build.amounts(
        'kept',
        'Positions kept',
        'rows of the cache once a prompt is read, the mean of dropped positions counted as one; mean over prompts',
        kept,
        'positions',
      ),
    ],
    {
      cell: 'key/value head',
      classes:
        kinds.length <= mostClasses
          ? kinds.map(({ keeps, plan, heads: own }) => build.headClass(keeps, keeps, headPlanWords(plan), own))
          : undefined,
    },
  );
}

function factTable({ byFact, rows }: PlanEvaluationResult): Section {
  return build.cellTable(
    'by-fact',
    'By what was drawn',
    'Accuracy of the prompts that have one value of it.',
    [
      build.text('fact', 'of the prompt'),
      build.text('value', 'value'),
      whole('n', 'prompts', 'prompts that have it'),
      ...rows.map(({ plan }, at) => build.number(`row${at}`, plan, scoreWords.accuracy.definition)),
    ],
    byFact.map(({ fact, value, n, scores }) => [fact, value, n, ...scores.map(cellOf)]),
  );
}

function howMeasured({ from, notes, scored, timed }: PlanEvaluationResult): Section {
  const start =
    from === 'context'
      ? 'Each prompt is read in full up to its question; there the caches are compressed, and the question is read under the plan.'
      : 'Each prompt is read under the plan from its first token on.';
  const half = scored === 'loss' ? ' Of text the second half of each window is what is predicted.' : '';
  return build.paragraphs('how', 'How it was measured', [
    `${start.replace('its question', scored === 'loss' ? 'its second half' : 'its question').replace('the question is', scored === 'loss' ? 'that half is' : 'the question is')}${half}`,
    'Dropped positions are masked, which gives what a cache without them gives. The intervals are those of these prompts; they say nothing of other tasks or lengths.',
    ...(timed
      ? [
          `Speed: ${timed.tokens} tokens decoded one by one behind ${timed.length}, read in full and compressed; full cache, plan and uniform plan in turn, medians. A missing number: layers were masked, which takes as long as the full cache.`,
        ]
      : []),
    ...notes,
  ]);
}
