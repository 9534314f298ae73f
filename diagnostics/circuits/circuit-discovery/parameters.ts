/** What a person chooses of the discovery of a circuit. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { SearchParameters } from '../../shared/circuits/task-circuit';
import { metricTable, type MetricParameters } from '../../shared/effects/metric';
import { methodParameters, leastPartsGap, edgeShareParameter } from '../../shared/circuits/parameters';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are records.
export type DiscoveryParameters = MetricParameters &
  SearchParameters & {
    readonly edgeThreshold: number;
    readonly subsets: number;
    readonly randomCircuits: number;
    readonly circuit: string;
  };

export const discoveryTable: ParameterTable<DiscoveryParameters> = {
  ...methodParameters,
  heldOut: field.number(
    'Held out',
    'Share of the prompts that the circuit is not found on, and measured on; at least one.',
    { min: 1, max: 99, default: 50, unit: '%' },
  ),
  edges: field.flag(
    'Edges',
    'Measure what each node does to each input of the others, by path patching from the counterpart.',
    true,
  ),
  edgeThreshold: field.number(
    'Edges drawn',
    'Edges of at least this effect are drawn at first; a slider prunes further.',
    { min: 0, max: 10, default: 0.05 },
  ),
  subsets: field.integer('Sets taken away', 'Random sets of nodes, for completeness and minimality.', {
    min: 0,
    max: 200,
    default: 10,
  }),
  randomCircuits: field.integer(
    'Random circuits',
    'Circuits of as many heads and MLPs, drawn at random: what any of this size would do.',
    { min: 0, max: 1000, default: 20 },
  ),
  circuit: field.file(
    'Circuit',
    'A saved circuit. Its faithfulness, completeness and minimality are measured, and no new circuit is searched for.',
  ),
  ...metricTable,
  leastGap: leastPartsGap,
  exactShare: edgeShareParameter,
};
