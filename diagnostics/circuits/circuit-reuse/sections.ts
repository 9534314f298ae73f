/** What a comparison of two circuits shows. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell, TableSection } from '../../../protocol/sections/table';
import { askWords, intervalWords, weightDefinition } from '../../shared/circuits/words';
import { circuitGraph } from '../../shared/circuits/circuit-graph';
import { nodeId } from '../../shared/circuits/circuit';
import { overlapTable, sharedHeads } from '../../shared/circuits/overlap-sections';
import { leastAttention, leastDirect, leastInhibition, scoreNames, type RoleScores } from '../../shared/circuits/roles';
import type { Level } from '../../shared/circuits/verdict';
import { metricWords } from '../../shared/effects/metric';
import { isCompared } from './finding';
import { headWords, type Repair } from './repair';
import type { ReuseResult, Side } from './result';
import { cellOf } from '../../../protocol/sections/cell';
import * as build from '../../../protocol/sections/builders';

export const sections = (result: Partial<ReuseResult>): readonly Section[] =>
  isCompared(result)
    ? [
        headsSection(result),
        overlapTable(result.overlap, [result.first.title, result.second.title]),
        acrossSection(result),
        rolesSection('first', result.first),
        rolesSection('second', result.second),
        graphSection('first', result.first),
        graphSection('second', result.second),
        ...(result.repair ? [repairSection(result.first, result.repair), ...moverSections(result.repair)] : []),
      ]
    : [];

/** [layers][heads]: the weight of each head of the circuit, NaN of the others. */
export const weightsByHead = ({ circuit }: Side): readonly (readonly number[])[] =>
  circuit.heads.map((count, layer) =>
    Array.from(
      { length: count },
      (_, head) => circuit.nodes.find((node) => node.layer === layer && node.head === head)?.weight ?? Number.NaN,
    ),
  );

function headsSection({ first, second }: ReuseResult) {
  const numbersOf = (name: string, side: Side) =>
    build.signed(name, `${side.title}: lost`, weightDefinition, weightsByHead(side));
  return {
    ...sharedHeads(first.circuit, second.circuit, [first.title, second.title]),
    caption: `Found on ${first.found} prompts of ${first.title} and ${second.found} of ${second.title}. ${first.circuit.method}`,
    ask: askWords,
    numbers: [numbersOf('first', first), numbersOf('second', second)],
  };
}

function acrossSection({ first, second }: ReuseResult) {
  const row = (task: Side, circuit: string, { mean, share, shareLow, shareHigh }: Level): readonly SectionCell[] => [
    task.title,
    circuit,
    cellOf(mean),
    cellOf(share),
    cellOf(shareLow),
    cellOf(shareHigh),
  ];
  const rows = (side: Side, other: Side): readonly (readonly SectionCell[])[] => [
    row(side, 'its own', side.own),
    row(side, `of ${other.title}`, side.other),
    ...(side.chance
      ? [
          [side.title, 'random, mean', null, cellOf(side.chance.mean), null, null],
          [side.title, 'random, largest', null, cellOf(side.chance.largest), null, null],
        ]
      : []),
  ];
  const units = [...new Set([first, second].map(({ metric }) => metricWords[metric].unit))];
  return build.cellTable(
    'across',
    'Each circuit on each task',
    `${first.held} and ${second.held} held-out prompts.${first.chance ? ` Random circuits have as many heads and MLPs as the circuit of the other task.` : ''}`,
    [
      build.text('task', 'Task'),
      build.text('circuit', 'Circuit at work'),
      build.number(
        'mean',
        'Metric',
        'Mean metric of the task with the circuit alone at work.',
        units.length === 1 ? units[0] : '',
      ),
      build.number('share', 'Faithfulness', '(F - F(0)) / (F(M) - F(0)): 1 as the whole model, 0 as without any part.'),
      build.number('low', 'From', `Lower end of its ${intervalWords}.`),
      build.number('high', 'To', `Upper end of its ${intervalWords}.`),
    ],
    [...rows(first, second), ...rows(second, first)],
  );
}

const scoreWords: Readonly<Record<keyof RoleScores, readonly [title: string, definition: string]>> = {
  previous: ['Previous', 'Mean attention to the token before.'],
  duplicate: ['Duplicate', 'Mean attention to earlier copies of the token, of queries that have some.'],
  induction: ['Induction', 'Mean attention to the tokens behind earlier copies, of queries that have some.'],
  answers: ['Answers', 'Mean attention from the last position to where right and wrong answers stand.'],
  direct: ['Direct', 'Effect of its path to the logits at the last position, as in path patching.'],
  inhibition: [
    'Inhibition',
    'What movers behind it attend to wrong answers more when its output at the last position is that on the counterpart.',
  ],
};

function rolesSection(id: string, { title, circuit, roles }: Side) {
  const isIn = (layer: number, head: number): boolean =>
    circuit.nodes.some((node) => node.layer === layer && node.head === head);
  return build.cellTable(
    `roles-${id}`,
    `What the heads of either circuit do on ${title}`,
    `Mover: answers at least ${leastAttention} and direct at least ${leastDirect}; negative mover: at most -${leastDirect}; inhibition at least ${leastInhibition}; else the largest of duplicate, induction and previous from ${leastAttention} on.`,
    [
      build.head(),
      build.text('circuit', 'In its circuit'),
      build.text('role', 'Role'),
      ...scoreNames.map((score) => build.number(score, ...scoreWords[score])),
    ],
    roles.map((one) => [
      { layer: one.layer, head: one.head },
      isIn(one.layer, one.head) ? 'yes' : 'no',
      one.role,
      ...scoreNames.map((score) => cellOf(one[score])),
    ]),
    { ask: askWords, empty: 'Neither circuit has a head.' },
  );
}

const graphSection = (id: string, { title, circuit, roles }: Side): Section =>
  circuitGraph(
    circuit,
    { id: `circuit-${id}`, title: `Circuit of ${title}`, threshold: 0.05 },
    new Map(
      roles
        .filter(({ role }) => role !== 'other')
        .map((one) => [nodeId({ layer: one.layer, head: one.head }), one.role]),
    ),
  );

function repairSection({ metric }: Side, repair: Repair) {
  const { name, unit, definition } = metricWords[metric];
  const row = (words: string, { mean, low, high }: Repair['change']): readonly SectionCell[] => [
    words,
    cellOf(mean),
    cellOf(low),
    cellOf(high),
  ];
  const [accuracy, choice, level] = [repair.accuracy, repair.choice, repair.metric];
  return build.cellTable(
    'repair',
    'Repair',
    `The attention of ${headWords(repair.heads)} at the last position is put on ${repair.to}, evenly, over ${repair.n} prompts. The ${name} is in ${unit === '' ? 'no unit' : unit}: ${definition}.`,
    [
      build.text('what', 'Of the first task'),
      build.number('mean', 'Mean', 'Share of prompts, or mean metric.'),
      build.number('low', 'From', "Lower end of its 95 % interval over prompts (shares: Wilson; means: Student's t)."),
      build.number('high', 'To', 'Upper end of it.'),
    ],
    [
      row('accuracy before (largest of all logits)', accuracy[0]),
      row('accuracy after', accuracy[1]),
      row('accuracy among the answers, before', choice[0]),
      row('accuracy among the answers, after', choice[1]),
      row(`${name} before`, level[0]),
      row(`${name} after`, level[1]),
      row(`${name}, change`, repair.change),
    ],
  );
}

function moverSections({ heads, to, n, movers }: Repair): readonly TableSection[] {
  if (!movers) return [];
  const t = "95 % interval over prompts (Student's t)";
  return [
    build.table(
      'repair-movers',
      'What movers attend to before and after the repair',
      `From the last position, over ${n} prompts of the first task, with the attention of ${headWords(heads)} on ${to}. Movers behind the first repaired layer; what is repaired itself is left out.`,
      movers,
      [
        build.head(({ layer, head }) => ({ layer, head }), 'head', 'Mover'),
        build.number(
          'rightBefore',
          'Right, before',
          'Mean attention to where right answers stand.',
          ({ right }) => right[0].mean,
        ),
        build.number('rightAfter', 'Right, after', 'The same with the repair.', ({ right }) => right[1].mean),
        build.number(
          'change',
          'Change',
          'Attention to right answers after less before, prompt by prompt.',
          ({ change }) => change.mean,
        ),
        build.number('low', 'From', `Lower end of the ${t} of the change.`, ({ change }) => change.low),
        build.number('high', 'To', `Upper end of it.`, ({ change }) => change.high),
        build.number(
          'wrongBefore',
          'Wrong, before',
          'Mean attention to where wrong answers stand.',
          ({ wrong }) => wrong[0].mean,
        ),
        build.number('wrongAfter', 'Wrong, after', 'The same with the repair.', ({ wrong }) => wrong[1].mean),
      ],
      { ask: askWords, empty: 'No mover of the first task stands behind the repair.' },
    ),
  ];
}
