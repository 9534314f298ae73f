/** What two circuits have in common, as sections. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { SectionCell } from '../../../protocol/sections/table';
import { nodeId, type Circuit } from './circuit';
import type { Baseline, Overlap } from './overlap';
import { cellOf } from '../../../protocol/sections/cell';
import * as build from '../../../protocol/sections/builders';

type Names = readonly [first: string, second: string];

/** Heads that are in both, in the first alone and in the second alone; numbers are to be added. */
export function sharedHeads(first: Circuit, second: Circuit, [one, other]: Names): Omit<HeadsSection, 'numbers'> {
  const headsOf = ({ nodes }: Circuit): readonly HeadPlace[] =>
    nodes.flatMap(({ layer, head }) => (head === undefined ? [] : [{ layer, head }]));
  const ids = (circuit: Circuit): ReadonlySet<string> => new Set(circuit.nodes.map(nodeId));
  const [inFirst, inSecond] = [ids(first), ids(second)];
  return {
    kind: 'heads',
    id: 'shared',
    title: 'Heads of both circuits',
    classes: [
      build.headClass(
        'both',
        'in both',
        'In both circuits.',
        headsOf(first).filter((head) => inSecond.has(nodeId(head))),
      ),
      build.headClass(
        'first',
        `${one} only`,
        `In the circuit of ${one} alone.`,
        headsOf(first).filter((head) => !inSecond.has(nodeId(head))),
      ),
      build.headClass(
        'second',
        `${other} only`,
        `In the circuit of ${other} alone.`,
        headsOf(second).filter((head) => !inFirst.has(nodeId(head))),
      ),
    ],
  };
}

const whatWords: Readonly<Record<Overlap['what'], string>> = { heads: 'heads', mlps: 'MLPs', edges: 'edges' };

export function overlapTable(overlaps: readonly Overlap[], [one, other]: Names) {
  const number = (name: string, title: string, definition: string) => build.number(name, title, definition);
  const baseline = (of: Baseline | undefined): readonly SectionCell[] => [cellOf(of?.mean), cellOf(of?.chance)];
  return build.cellTable(
    'overlap',
    'Overlap of the circuits',
    '',
    [
      build.text('what', 'Of'),
      number('shared', 'In both', 'Those of both circuits.'),
      number('ofEither', 'Of either', 'Heads in both circuits, divided by those in at least one (Jaccard).'),
      number('anyMean', 'By chance', 'Shared on average by sets of these sizes drawn from all.'),
      number('anyChance', 'Probability', 'That such sets share at least as many (hypergeometric).'),
      number(
        'layerMean',
        'Same layers',
        'Shared on average by sets that have as many heads in each layer as the circuits.',
      ),
      number('layerChance', 'Probability', 'That such sets share at least as many.'),
      number('first', `In ${one}`, `Those of the circuit of ${one}.`),
      number('second', `In ${other}`, `Those of the circuit of ${other}.`),
      number('ofFirst', `Of ${one}`, `Heads in both circuits, divided by those in ${one}.`),
      number('ofSecond', `Of ${other}`, `Heads in both circuits, divided by those in ${other}.`),
    ],
    overlaps.map((overlap) => [
      whatWords[overlap.what],
      overlap.shared,
      cellOf(overlap.ofEither),
      ...baseline(overlap.anyHeads),
      ...baseline(overlap.sameLayers),
      overlap.first,
      overlap.second,
      cellOf(overlap.ofFirst),
      cellOf(overlap.ofSecond),
    ]),
  );
}
