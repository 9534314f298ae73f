/** What a discovered circuit shows. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell } from '../../../protocol/sections/table';
import { circuitGraph } from '../../shared/circuits/circuit-graph';
import type { Circuit } from '../../shared/circuits/circuit';
import { firstPassWords } from '../../shared/circuits/first-pass';
import type { Level, Verdict } from '../../shared/circuits/verdict';
import { metricWords } from '../../shared/effects/metric';
import { partName, type Part } from '../../shared/effects/parts';
import { isFound, isSearching, type Searching } from './finding';
import type { DiscoveryResult } from './result';
import { cellOf } from '../../../protocol/sections/cell';
import * as build from '../../../protocol/sections/builders';
import { askWords, intervalWords, weightDefinition } from '../../shared/circuits/words';

export const sections = (result: Partial<DiscoveryResult>): readonly Section[] =>
  isFound(result)
    ? [
        circuitGraph(result.circuit, {
          id: 'circuit',
          title: 'Circuit',
          caption: `${result.circuit.method} Edges are measured one by one on prompts that the circuit was found on.${result.edgePass ? ` ${firstPassWords(result.edgePass, 'edges')}` : ''}`,
          threshold: result.edgeThreshold,
        }),
        headsSection(result, result.circuit),
        ...(result.verdict ? [levelSection(result, result.verdict)] : []),
        nodesSection(result, result.circuit),
        ...(result.verdict && result.verdict.completeness.length > 0 ? [completenessSection(result.verdict)] : []),
        ...(result.removals.length > 0 ? [removalSection(result)] : []),
      ]
    : isSearching(result)
      ? [searchSection(result), ...(result.removals.length > 0 ? [removalSection(result)] : [])]
      : [];

/** Heads as they fall, while the circuit is searched. */
function searchSection(result: Searching) {
  const heads = (removed: boolean): readonly HeadPlace[] =>
    result.removals.flatMap(({ layer, head, removed: is }) =>
      head === undefined || is !== removed ? [] : [{ layer, head }],
    );
  return build.heads(
    'heads',
    'Heads tried so far',
    '',
    [build.signed('own', 'Lost in the model', ownDefinition(result), result.own)],
    {
      classes: [
        build.headClass('kept', 'kept', 'Tried, and the task needs it.', heads(false)),
        build.headClass('removed', 'taken away', 'Tried, and the task does without it.', heads(true)),
      ],
    },
  );
}

const inCircuit = ({ nodes }: Circuit): readonly HeadPlace[] =>
  nodes.flatMap(({ layer, head }) => (head === undefined ? [] : [{ layer, head }]));

const ownDefinition = ({ metric }: Pick<DiscoveryResult, 'metric'>): string =>
  `(F(M) - F without the part alone) / (F(M) - F(0)), F the mean ${metricWords[metric].name} over the prompts of the discovery, M the whole model, 0 the model without any part.`;

function headsSection(result: DiscoveryResult, circuit: Circuit) {
  const { nodes, heads } = circuit;
  const weights = heads.map((count, layer) =>
    Array.from(
      { length: count },
      (_, head) => nodes.find((node) => node.layer === layer && node.head === head)?.weight ?? Number.NaN,
    ),
  );
  const scale = build.ranges.diverging;
  return build.heads(
    'heads',
    'Heads of the circuit',
    `Found on ${result.found} prompts, measured on ${result.held} others.${result.leftOut ? ` ${result.leftOut} prompts were left out: they have no counterpart of as many tokens.` : ''}`,
    [
      build.scaled(scale, 'weight', 'Lost in the circuit', weightDefinition, weights),
      result.own && build.scaled(scale, 'own', 'Lost in the model', ownDefinition(result), result.own),
    ],
    { ask: askWords, classes: [build.headClass('circuit', 'in the circuit', circuit.method, inCircuit(circuit))] },
  );
}

function levelSection(result: DiscoveryResult, verdict: Verdict) {
  const { name, unit } = metricWords[result.metric];
  const number = (id: string, title: string, definition: string, of = '') => build.number(id, title, definition, of);
  const row = (words: string, { mean, share, shareLow, shareHigh }: Level): readonly SectionCell[] => [
    words,
    cellOf(mean),
    cellOf(share),
    cellOf(shareLow),
    cellOf(shareHigh),
  ];
  const { chance } = result;
  return build.cellTable(
    'faithfulness',
    'Faithfulness on held-out prompts',
    `${result.held} prompts.${chance ? ` ${chance.n} random circuits have as many heads and MLPs.` : ''}`,
    [
      build.text('parts', 'Parts at work'),
      number('mean', `Mean ${name}`, `${metricWords[result.metric].definition}.`, unit),
      number('share', 'Faithfulness', '(F - F(0)) / (F(M) - F(0)): 1 as the whole model, 0 as without any part.'),
      number('low', 'From', `Lower end of its ${intervalWords}.`),
      number('high', 'To', `Upper end of its ${intervalWords}.`),
    ],
    [
      row('all', verdict.model),
      row('the circuit', verdict.circuit),
      row('all but the circuit', verdict.rest),
      row('none', verdict.nothing),
      ...(chance
        ? [
            ['random circuits, mean', null, cellOf(chance.mean), null, null],
            ['random circuits, largest', null, cellOf(chance.largest), null, null],
          ]
        : []),
    ],
  );
}

function nodesSection({ verdict }: DiscoveryResult, { nodes }: Circuit) {
  const number = (name: string, title: string, definition: string) => build.number(name, title, definition);
  return build.cellTable(
    'nodes',
    'Nodes',
    '',
    [
      build.head(),
      build.text('node', 'Node'),
      number('weight', 'Lost without it', weightDefinition),
      ...(verdict
        ? [
            number(
              'change',
              'Minimality',
              'Change of F on held-out prompts when the node is taken away beside the set of other nodes (none, or a random half) beside which it changed most on the prompts of the discovery; a share of F(M) - F(0).',
            ),
            number('low', 'From', `Lower end of its ${intervalWords}.`),
            number('high', 'To', `Upper end of its ${intervalWords}.`),
            number('beside', 'Beside', 'Nodes in that set.'),
          ]
        : []),
    ],
    nodes.map(({ layer, head, weight }, at) => {
      const own = verdict?.minimality[at];
      return [
        head === undefined ? null : { layer, head },
        head === undefined ? partName({ layer }) : 'head',
        cellOf(weight),
        ...(own ? [cellOf(own.change), cellOf(own.low), cellOf(own.high), own.beside] : []),
      ];
    }),
    { ask: askWords, empty: 'No part is needed.' },
  );
}

const completenessSection = ({ completeness }: Verdict) =>
  build.chart(
    'completeness',
    'Completeness',
    'Each point is a set of nodes that is taken away from both; the last is the whole circuit. On the line the circuit does what the model does without them.',
    build.axis('model without the set'),
    build.axis('circuit without the set'),
    [
      build.points(
        'sets',
        'Sets of nodes (share of what all parts make)',
        completeness.map(({ removed, model, circuit }) => ({
          x: model,
          y: circuit,
          label: `${removed} ${removed === 1 ? 'node' : 'nodes'} taken away`,
        })),
      ),
    ],
    { references: [{ label: 'as the model', from: [0, 0], to: [1, 1] }] },
  );

const shortName = ({ layer, head }: Part): string => (head === undefined ? `M${layer}` : `L${layer}H${head}`);

const removalSection = ({ removals, method, threshold }: DiscoveryResult) =>
  build.chart(
    'removals',
    'How the circuit was found',
    `Parts in the order in which they were tried, with the faithfulness without them. ${method === 'greedy' ? `A part stays away while that is within ${threshold} of 1.` : `A part stays away where it changes that by less than ${threshold}.`}`,
    build.categoryAxis('part tried', removals.map(shortName)),
    build.axis('faithfulness'),
    (
      [
        ['removed', 'taken away', true],
        ['kept', 'kept', false],
      ] as const
    ).map(([id, title, removed]) =>
      build.points(
        id,
        title,
        removals.flatMap((one, x) =>
          one.removed === removed ? [{ x, y: one.faithfulness, label: partName(one) }] : [],
        ),
      ),
    ),
  );
