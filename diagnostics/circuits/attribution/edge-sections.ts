/** Edges of attribution: a graph of them, and a table with what was patched. */
import type { GraphSection } from '../../../protocol/sections/graph';
import type { Section } from '../../../protocol/sections/section';
import { graphNodes } from '../../shared/circuits/circuit-graph';
import { nodeId } from '../../shared/circuits/circuit';
import { metricWords } from '../../shared/effects/metric';
import { ranked } from './ranking';
import type { AttributionResult, EdgeEffect, Edges } from './result';
import * as build from '../../../protocol/sections/builders';

/** Rows of the table. */
const mostRows = 200;

const weightOf = ({ estimate, exact }: EdgeEffect): number => (Number.isNaN(estimate) ? exact : estimate);

export const edgeSections = (result: AttributionResult): readonly Section[] =>
  result.edges ? [graphSection(result, result.edges), tableSection(result, result.edges)] : [];

const estimateDefinition = (name: string): string =>
  `Estimated change of the ${name} when the sender is as on the counterpart for this input of the receiver alone, every other head and MLP held: the change of the query, key or value, or of what the MLP adds, times the gradient of the metric there. Mean over prompts.`;

const exactDefinition = (name: string): string =>
  `Change of the ${name} when the input is replaced so (path patching). Mean over prompts.`;

function graphSection(result: AttributionResult, { nodes, edges, n, of }: Edges): GraphSection {
  const { name, unit } = metricWords[result.metric];
  const effects = new Map(ranked(result).map((one) => [nodeId(one), one.estimate]));
  const strongest = Math.max(0, ...edges.map((edge) => Math.abs(weightOf(edge))));
  const heads = result.heads.estimate.map(({ length }) => length);
  return {
    kind: 'graph',
    id: 'edges',
    title: 'Edges among the largest parts',
    caption: `${of} edges between the embeddings and the ${nodes.length} heads and MLPs with the largest estimates, by the gradient; those into the logits are patched exactly. ${n} ${n === 1 ? 'prompt' : 'prompts'}. At first those of at least a tenth of the strongest are drawn.`,
    empty: 'No edge has an effect.',
    nodes: graphNodes(
      nodes.map((node) => ({ ...node, weight: effects.get(nodeId(node)) ?? Number.NaN })),
      heads,
    ),
    edges: edges
      .filter((edge) => weightOf(edge) !== 0)
      .map((edge) => ({ from: edge.from, to: edge.to, input: edge.input, weight: weightOf(edge) })),
    unit,
    definition: `Edge: ${estimateDefinition(name)} Into the logits: the same by patching. Node: estimated effect of the part.`,
    threshold: strongest / 10,
  };
}

const inputWords = { query: 'query', key: 'key', value: 'value', mlp: 'MLP', logits: 'logits' } as const;

function tableSection({ metric }: AttributionResult, { edges }: Edges) {
  const { name, unit } = metricWords[metric];
  const column = (id: string, title: string, definition: string) => build.number(id, title, definition, unit);
  const patched = edges.filter(({ exact }) => !Number.isNaN(exact)).length;
  return build.table(
    'edge-effects',
    'Edges, strongest first',
    `${patched} of ${edges.length} edges were patched exactly.${edges.length > mostRows ? ` The ${mostRows} strongest are shown.` : ''}`,
    edges.slice(0, mostRows),
    [
      build.text('from', 'Sender'),
      build.text('to', 'Receiver'),
      build.text('input', 'Input', ({ input }) => inputWords[input]),
      {
        ...column('estimate', 'Estimated effect', `${estimateDefinition(name)} Empty of edges into the logits.`),
        cell: ({ estimate }) => estimate,
      },
      {
        ...column('exact', 'Exact effect', `${exactDefinition(name)} Empty where it was not patched.`),
        cell: ({ exact }) => exact,
      },
    ],
    { empty: 'No edge was estimated.' },
  );
}
