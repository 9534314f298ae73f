/** Two comparisons of circuits side by side: how far each task has the same circuit in both, and what became of the reuse. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell } from '../../../protocol/sections/table';
import { overlapOf } from '../../shared/circuits/overlap';
import { overlapTable, sharedHeads } from '../../shared/circuits/overlap-sections';
import { cellOf } from '../../../protocol/sections/cell';
import { isCompared } from './finding';
import type { ReuseResult, Side } from './result';
import { weightsByHead } from './sections';
import * as build from '../../../protocol/sections/builders';

const names = ['the other result', 'this result'] as const;

export function compare(a: ReuseResult, b: ReuseResult): readonly Section[] {
  const why = whyNot(a, b);
  if (why !== undefined) {
    return [build.paragraphs('incomparable', 'Change of the reuse', [why])];
  }
  return [changeTable(a, b), ...(['first', 'second'] as const).flatMap((which) => ofTask(which, a[which], b[which]))];
}

function whyNot(a: ReuseResult, b: ReuseResult): string | undefined {
  if (!isCompared(a) || !isCompared(b)) return 'One of the two results is not finished.';
  const heads = ({ first }: ReuseResult): string => first.circuit.heads.join();
  if (heads(a) !== heads(b)) {
    return 'The two models have other numbers of heads: no head of one stands beside one of the other.';
  }
  const tasks = ({ first, second }: ReuseResult): string => `${first.title} and ${second.title}`;
  return tasks(a) === tasks(b)
    ? undefined
    : `This result is of ${tasks(b)}, the other of ${tasks(a)}. Compare results of the same two tasks, in the same order.`;
}

function ofTask(which: 'first' | 'second', one: Side, other: Side): readonly Section[] {
  const [before, after] = [weightsByHead(one), weightsByHead(other)];
  const weight = (value: number | undefined): number => (value === undefined || Number.isNaN(value) ? 0 : value);
  const change = before.map((row, layer) => row.map((value, head) => weight(after[layer]?.[head]) - weight(value)));
  const shared = sharedHeads(one.circuit, other.circuit, names);
  const overlap = overlapTable(overlapOf(one.circuit, other.circuit), names);
  return [
    {
      ...shared,
      id: `shared-${which}`,
      title: `Circuit of ${one.title} in both results`,
      numbers: [
        build.signed(
          'change',
          'Change of what is lost without it',
          'How much the circuit loses without the head: this result minus the other. 0 for a head that is in neither circuit.',
          change,
        ),
      ],
    },
    { ...overlap, id: `overlap-${which}`, title: `Overlap of the two circuits of ${one.title}` },
  ];
}

/** Shares of each result, and the second less the first. */
function changeTable(a: ReuseResult, b: ReuseResult): Section {
  const number = (name: string, title: string, definition: string) => build.number(name, title, definition);
  const headsOf = ({ overlap }: ReuseResult): number | undefined =>
    overlap.find(({ what }) => what === 'heads')?.ofEither;
  const row = (what: string, one: number | undefined, other: number | undefined): readonly SectionCell[] => [
    what,
    cellOf(one),
    cellOf(other),
    cellOf((other ?? Number.NaN) - (one ?? Number.NaN)),
  ];
  const faithful = (which: 'first' | 'second'): readonly (readonly SectionCell[])[] => {
    const { title } = a[which];
    const visitor = a[which === 'first' ? 'second' : 'first'].title;
    return [
      row(`${title}: faithfulness of its own circuit`, a[which].own.share, b[which].own.share),
      row(`${title}: faithfulness of the circuit of ${visitor}`, a[which].other.share, b[which].other.share),
    ];
  };
  const role = ({ sameRole: { shared, same } }: ReuseResult): number => same / shared;
  const repaired = a.repair && b.repair ? [a.repair, b.repair] : undefined;
  return build.cellTable(
    'change',
    'Change of the reuse',
    'No test is made of a difference: it is one share less another.',
    [
      build.text('what', 'Share'),
      number('first', 'Other result', 'In the other result.'),
      number('second', 'This result', 'In this result.'),
      number('change', 'Change', 'This result less the other.'),
    ],
    [
      row('heads in both circuits, of those in either', headsOf(a), headsOf(b)),
      row('shared heads with the same role in both tasks', role(a), role(b)),
      ...faithful('first'),
      ...faithful('second'),
      ...(repaired
        ? [
            row('accuracy before the repair', ...two(repaired.map(({ accuracy: [before] }) => before.mean))),
            row('accuracy after the repair', ...two(repaired.map(({ accuracy: [, after] }) => after.mean))),
          ]
        : []),
    ],
  );
}

const two = ([one, other]: readonly number[]): readonly [number | undefined, number | undefined] => [one, other];
