/** What a result shows: influence at each length, the rules, spans and bytes over the length, plans side by side, the measured losses. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell, SectionColumn } from '../../../protocol/sections/table';
import { cellOf } from '../../../protocol/sections/cell';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { LengthInfluence, MoaResult } from './result';
import type { Rule } from './rules';
import * as build from '../../../protocol/sections/builders';

type Known = Partial<MoaResult>;

export const sections = (result: Known): readonly Section[] =>
  [
    rulesSection(result),
    judgedSection(result),
    spansChart(result),
    bytesChart(result),
    predictedChart(result),
    headTable(result),
    paretoSection(result),
    ...(result.influence ?? []).map((one) => influenceOf(one, result)),
  ].filter((section) => section !== undefined);

const placesOf = (rules: readonly (readonly Rule[])[], test: (rule: Rule) => boolean): readonly HeadPlace[] =>
  rules.flatMap((layer, index) => layer.flatMap((rule, head) => (test(rule) ? [{ layer: index, head }] : [])));

const isWhole = ({ alpha, beta }: Rule): boolean => beta === 1 && alpha >= 0;

function rulesSection({
  rules,
  lengths = [],
  spans = [],
  block = 0,
  validationLength = 0,
}: Known): HeadsSection | undefined {
  const at = lengths.indexOf(validationLength);
  const span = spans[at];
  if (!rules || !span) return undefined;
  const table = (of: (rule: Rule) => number) => rules.map((layer) => layer.map(of));
  return build.heads(
    'rules',
    'Spans of the heads',
    `For a prompt of N tokens, a head keeps the first ${block} positions and the newest ones: as many whole blocks of ${block} as fit into alpha + beta N, at least one.`,
    [
      {
        ...{ name: 'span', title: `Span at ${validationLength} tokens`, unit: 'tokens', values: span },
        definition: `positions that the head keeps of a prompt of ${validationLength} tokens`,
        scale: { kind: 'sequential', min: 0, max: validationLength },
      },
      {
        ...{ name: 'beta', title: 'beta', unit: '', values: table(({ beta }) => beta) },
        definition: 'share of the prompt by which the span grows; 0: the span is fixed',
        scale: build.ranges.share,
      },
      {
        ...{ name: 'alpha', title: 'alpha', unit: 'tokens', values: table(({ alpha }) => alpha) },
        definition: 'fixed part of the span; negative where the span grows from a longer prompt on',
        scale: build.ranges.diverging,
      },
    ],
    {
      cell: 'key/value head',
      ask: 'Show its influence',
      classes: [
        build.headClass('whole', 'whole', 'keeps everything', placesOf(rules, isWhole)),
        build.headClass(
          'elastic',
          'elastic',
          'the span grows with the prompt (beta above 0) without being all of it',
          placesOf(rules, (rule) => rule.beta > 0 && !isWhole(rule)),
        ),
        build.headClass(
          'fixed',
          'fixed',
          'the same span for every prompt (beta 0)',
          placesOf(rules, ({ beta }) => beta === 0),
        ),
      ].filter(({ heads }) => heads.length > 0),
    },
  );
}

function judgedSection({ judged, validationLength = 0, supervised }: Known): Section | undefined {
  if (!judged || judged.length === 0) return undefined;
  const tokens =
    supervised === 'all' ? 'all tokens' : supervised === 'task' ? 'the right answer' : 'what the whole model answers';
  const draws = judged.flatMap(({ random }) => random);
  const drawn =
    draws.length === 0
      ? ''
      : ` The same rules at random heads are a mean of ${counted(judged[0]?.random.length ?? 0, 'draw', 'draws')} (${threeDigits(Math.min(...draws))} to ${threeDigits(Math.max(...draws))} nats).`;
  const loss = (of: string): string => `mean of -ln p over ${tokens}, mean over prompts, ${of}`;
  return build.cellTable(
    'judged',
    'Measured on other prompts',
    `The prompt itself is read under the plan. The plan was chosen on other prompts of ${validationLength} tokens; the uniform window has at most as many bytes, with the same first block.${drawn}`,
    [
      { ...build.number('tokens', 'Length', 'of the prompts, as asked for', 'tokens'), digits: 9 },
      { ...build.number('prompts', 'Prompts', 'that were measured'), digits: 9 },
      {
        ...build.number(
          'bytes',
          'Bytes',
          'of keys and values under the plan at this length, 4 bytes a number',
          'bytes',
        ),
        digits: 9,
      },
      build.number('share', 'Share', 'of the bytes of the full cache'),
      build.number('full', 'Loss, full', loss('with the full cache'), 'nats/token'),
      build.number('plan', 'Loss, plan', loss('under the plan'), 'nats/token'),
      build.number('uniform', 'Loss, uniform', loss('with one window for all heads'), 'nats/token'),
      build.number('random', 'Loss, random', loss('under the same rules at random heads'), 'nats/token'),
      build.number('gain', 'Uniform less plan', 'mean over prompts of the difference of the losses', 'nats/token'),
      build.number('low', 'From', '95 % interval of the difference over prompts (Student)', 'nats/token'),
      build.number('high', 'To', '95 % interval of the difference over prompts (Student)', 'nats/token'),
    ],
    judged.map(({ tokens: length, prompts, bytes, share, full, plan, uniform, randomLoss, gain }) => [
      ...[length, prompts, bytes, share, full.loss, plan.loss, uniform.loss, cellOf(randomLoss)],
      ...[cellOf(gain.mean), cellOf(gain.low), cellOf(gain.high)],
    ]),
  );
}

const text = ({ alpha, beta }: Rule): string =>
  beta === 0 ? `${alpha}` : `${alpha === 0 ? '' : `${alpha} + `}${beta === 1 ? '' : `${beta} `}N`;

/** Lines that a chart still tells apart. */
const mostLines = 8;

function spansChart({ rules, spans, lengths = [], meanSpan = [] }: Known): ChartSection | undefined {
  if (!rules || !spans) return undefined;
  const groups = new Map<string, HeadPlace[]>();
  rules.forEach((layer, index) =>
    layer.forEach((rule, head) => {
      const key = text(rule);
      groups.set(key, [...(groups.get(key) ?? []), { layer: index, head }]);
    }),
  );
  const common = [...groups].sort(([, a], [, b]) => b.length - a.length);
  const points = (of: (at: number) => number) => lengths.map((x, at) => ({ x, y: of(at) }));
  const longest = Math.max(...lengths);
  const left = common.slice(mostLines).length;
  return build.chart(
    'spans',
    'Span over the length of the prompt',
    `One line for each rule${left > 0 ? `, the ${mostLines} most common (${counted(left, 'other is', 'others are')} in the table)` : ''}, and the mean over all heads.`,
    build.axis('length of the prompt', 'tokens', { min: 0 }),
    build.axis('positions kept', 'tokens', { min: 0 }),
    [
      ...common.slice(0, mostLines).map(([rule, places]) =>
        build.line(
          rule,
          `${rule} (${counted(places.length, 'head', 'heads')})`,
          points((at) => spans[at]?.[places[0]?.layer ?? 0]?.[places[0]?.head ?? 0] ?? Number.NaN),
        ),
      ),
      build.points(
        'mean',
        'mean of all heads',
        points((at) => meanSpan[at] ?? Number.NaN),
      ),
    ],
    { references: [{ label: 'everything', from: [0, 0], to: [longest, longest] }] },
  );
}

function bytesChart({ lengths = [], bytes, bytesFull }: Known): ChartSection | undefined {
  if (!bytes || !bytesFull) return undefined;
  const points = (values: readonly number[]) => lengths.map((x, at) => ({ x, y: values[at] ?? Number.NaN }));
  return build.chart(
    'bytes',
    'Bytes over the length of the prompt',
    'Keys and values of all layers when the prompt was read, 4 bytes a number.',
    build.axis('length of the prompt', 'tokens', { min: 0 }),
    build.axis('keys and values', 'bytes', { min: 0 }),
    [build.line('plan', 'plan', points(bytes)), build.line('full', 'full cache', points(bytesFull))],
  );
}

function predictedChart({ predicted }: Known): ChartSection | undefined {
  if (!predicted) return undefined;
  return build.chart(
    'predicted',
    'Predicted loss',
    'Sum of the influence of what is dropped. It ranks plans and is no loss: influences do not add up when many weights go.',
    {
      title: 'length of the prompt',
      unit: 'tokens',
      scale: 'category',
      categories: predicted.map(({ tokens }) => `${tokens}`),
    },
    build.axis('predicted loss', 'nats', { min: 0 }),
    [
      build.bars(
        'plan',
        'plan',
        predicted.map(({ plan: y }, x) => ({ x, y })),
      ),
      build.bars(
        'uniform',
        'one window for all heads, as many blocks',
        predicted.map(({ uniform: y }, x) => ({ x, y })),
      ),
    ],
  );
}

function headTable({ rules, spans = [], lengths = [], headLoss }: Known): Section | undefined {
  if (!rules) return undefined;
  const columns: SectionColumn[] = [
    build.head(),
    { ...build.number('alpha', 'alpha', 'fixed part of the span', 'tokens'), digits: 9 },
    build.number('beta', 'beta', 'share of the prompt by which the span grows'),
    ...lengths.map((length) => ({
      ...build.number(
        `span-${length}`,
        `Span at ${length}`,
        `positions kept of a prompt of ${length} tokens`,
        'tokens',
      ),
      digits: 9,
    })),
    build.number('loss', 'Predicted loss', 'influence of what the rule drops, at the longest profiled length', 'nats'),
  ];
  return build.cellTable(
    'head-rules',
    'Rules by head',
    'Heads are key/value heads.',
    columns,
    rules.flatMap((layer, index) =>
      layer.map(({ alpha, beta }, head): readonly SectionCell[] => [
        { layer: index, head },
        ...[alpha, beta],
        ...lengths.map((_, at) => cellOf(spans[at]?.[index]?.[head])),
        cellOf(headLoss?.[index]?.[head]),
      ]),
    ),
  );
}

function paretoSection({
  pareto,
  chosen,
  candidates = 0,
  influence = [],
  validationLength = 0,
  validationPrompts = 0,
  density = 0,
  bounded = [],
}: Known): Section | undefined {
  if (!pareto) return undefined;
  return build.cellTable(
    'pareto',
    'Plans of which none is better at all lengths',
    `${candidates} rules were tried for each head, within a density of ${threeDigits(density)} at ${bounded.join(', ')} tokens. The plan with the least loss on ${counted(validationPrompts, 'prompt', 'prompts')} of ${validationLength} tokens is chosen.`,
    [
      build.text('plan', 'Plan'),
      ...influence.map(({ tokens }) =>
        build.number(`loss-${tokens}`, `Predicted at ${tokens}`, 'sum of the influence of what the plan drops', 'nats'),
      ),
      build.number(
        'validation',
        'Validation',
        'mean loss on the validation prompts; of some of many plans',
        'nats/token',
      ),
    ],
    pareto.map(({ losses, validation }, at) => [
      at === chosen ? `${at + 1} (chosen)` : `${at + 1}`,
      ...losses,
      cellOf(validation),
    ]),
  );
}

function influenceOf(
  { tokens, prompts, total, distance }: LengthInfluence,
  { block = 0, task = '', supervised }: Known,
) {
  const which =
    supervised === 'all' ? 'every token' : supervised === 'task' ? 'the right answer' : "the model's own answer";
  return build.heads(
    `influence-${tokens}`,
    `Influence at ${tokens} tokens`,
    `Mean of ${counted(prompts, 'prompt', 'prompts')} of ${task}, of the loss of ${which}.`,
    [
      {
        ...{ name: 'total', title: 'Influence', unit: 'nats', values: total },
        definition:
          'sum over queries and keys of |E|, E being the change of the loss, to first order, when one attention weight is masked; in each block the largest of the query heads of the group',
        scale: build.ranges.fromZero,
      },
      {
        ...{ name: 'distance', title: 'Mean distance', unit: 'tokens', values: distance },
        definition: `distance from query to key weighed by influence, in blocks of ${block}, without the first block of keys`,
        scale: build.ranges.fromZero,
      },
    ],
    { cell: 'key/value head', ask: 'Show its influence by blocks' },
  );
}
