/** What stands under the picture as tables: nodes, edges, differences and what made the file. Pure. */
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { deviceLine } from '../../ui/made';
import type { Drawn } from './state';
import { kindWords, nameOf } from './words';

/** Longer tables are cut: the file holds all. */
const mostRows = 20_000;

const figure = (value: number): number | null => (Number.isFinite(value) ? value : null);
const state = ({ fresh, gone }: { readonly fresh: boolean; readonly gone?: string }): string =>
  gone === undefined ? (fresh ? 'new' : '') : 'not found again';

export const nodesTable = 'nodes';

export const circuitSections = (circuit: Circuit, drawn: Drawn): readonly Section[] => [
  ...(drawn.comparison ? [differences(circuit, drawn)] : []),
  nodes(circuit, drawn),
  edges(circuit, drawn),
  origin(circuit),
];

function nodes({ unit, definition }: Circuit, drawn: Drawn): TableSection {
  return {
    kind: 'table',
    id: nodesTable,
    title: 'Nodes',
    caption: 'As they are drawn. A row that is chosen is chosen in the picture.',
    ask: 'Choose in the picture',
    asksAtOnce: true,
    columns: [
      { name: 'name', title: 'Name', kind: 'text' },
      { name: 'kind', title: 'Kind', kind: 'text' },
      { name: 'label', title: 'Of the analysis', kind: 'text', wide: true },
      { name: 'weight', title: 'Weight', kind: 'number', unit, definition, as: 'signed' },
      { name: 'pinned', title: 'Pinned', kind: 'text', wide: true },
      { name: 'note', title: 'Note', kind: 'text', wide: true },
      { name: 'state', title: 'Last run', kind: 'text', wide: true },
    ],
    rows: drawn.nodes
      .slice(0, mostRows)
      .map((node) => [
        node.name,
        kindWords[node.kind],
        node.label,
        figure(node.weight),
        node.pinned ? 'pinned' : '',
        node.note ?? '',
        state(node),
      ]),
  };
}

function edges({ unit, definition }: Circuit, drawn: Drawn): TableSection {
  const compared = drawn.comparison !== undefined && drawn.comparison.unlike === undefined;
  return {
    kind: 'table',
    id: 'edges',
    title: compared ? 'Differences, as drawn' : 'Edges',
    caption:
      'Edges into and out of a closed group are the sums of the edges of its members, with their signs: opposite ones cancel. A sum is no measured effect of the group.',
    columns: [
      { name: 'from', title: 'From', kind: 'text' },
      { name: 'to', title: 'To', kind: 'text' },
      { name: 'input', title: 'Input', kind: 'text', wide: true },
      { name: 'weight', title: compared ? 'Difference' : 'Weight', kind: 'number', unit, definition, as: 'signed' },
      {
        name: 'count',
        title: 'Edges',
        kind: 'number',
        digits: 7,
        definition: 'How many edges were added.',
        wide: true,
      },
      { name: 'state', title: 'Last run', kind: 'text', wide: true },
    ],
    rows: drawn.ranked
      .slice(0, mostRows)
      .map((edge) => [
        nameOf(drawn, edge.from),
        nameOf(drawn, edge.to),
        edge.input ?? '',
        figure(edge.weight),
        edge.count,
        state(edge),
      ]),
  };
}

function differences(circuit: Circuit, { comparison }: Drawn): TableSection {
  const { name = '', difference, unlike } = comparison ?? {};
  const labels = new Map([...circuit.nodes, ...(difference?.onlyThere ?? [])].map(({ id, label }) => [id, label]));
  const named = (id: string): string => labels.get(id) ?? id;
  return {
    kind: 'table',
    id: 'differences',
    title: 'Edges that differ',
    caption: `This circuit beside ${name}, edge by edge and without groups. An edge that one of them does not have counts as 0 in the difference.`,
    empty: 'All edges are equal.',
    columns: [
      { name: 'from', title: 'From', kind: 'text' },
      { name: 'to', title: 'To', kind: 'text' },
      { name: 'input', title: 'Input', kind: 'text', wide: true },
      { name: 'here', title: 'Here', kind: 'number', unit: circuit.unit, as: 'signed' },
      { name: 'there', title: 'There', kind: 'number', ...(unlike ? {} : { unit: circuit.unit }), as: 'signed' },
      ...(unlike
        ? []
        : [{ name: 'difference', title: 'Here − there', kind: 'number', unit: circuit.unit, as: 'signed' } as const]),
    ],
    rows: (difference?.edges ?? [])
      .slice(0, mostRows)
      .map(({ edge, here, there, difference: by }) => [
        named(edge.from),
        named(edge.to),
        edge.input ?? '',
        figure(here),
        figure(there),
        ...(unlike ? [] : [figure(by)]),
      ]),
  };
}

function origin({ origin: made, unit, definition }: Circuit): TableSection {
  const { setup } = made;
  const parameters = Object.entries(setup.parameters).map(([name, value]) => [name, String(value)]);
  return {
    kind: 'table',
    id: 'origin',
    title: 'Origin',
    caption: 'The last run that this file was made from or merged with.',
    columns: [
      { name: 'name', title: '', kind: 'text' },
      { name: 'value', title: '', kind: 'text' },
    ],
    rows: [
      ['Analysis', made.title],
      ['Found', made.finding],
      ['Weights', `${definition}${unit === '' ? '' : ` In ${unit}.`}`],
      ['Model', made.model.name],
      ['Hash of the model', made.model.hash],
      ['Folder', setup.folder],
      ...parameters,
      ['Changes of the model', String(setup.interventions.length)],
      ['Seed', String(setup.seed)],
      ['Device', deviceLine(made.device)],
      ['Made', `${made.created}, Headscope ${made.headscope}`],
    ],
  };
}
