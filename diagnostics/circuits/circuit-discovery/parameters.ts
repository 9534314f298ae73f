/** What a person chooses of the discovery of a circuit. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { modes } from '../ablation/result';
import { methods } from '../../shared/circuits/discover';
import { exactShareParameter } from '../../shared/circuits/first-pass';
import type { SearchParameters } from '../../shared/circuits/task-circuit';
import { leastGapParameter } from '../../shared/effects/gap';
import { metricTable, type MetricParameters } from '../../shared/effects/metric';

// A type and no interface: values are records.
export type DiscoveryParameters = MetricParameters &
  SearchParameters & {
    readonly edgeThreshold: number;
    readonly subsets: number;
    readonly randomCircuits: number;
    readonly circuit: string;
  };

export const methodParameters = {
  method: {
    kind: 'choice',
    title: 'Method',
    description:
      'Greedy: parts that matter least alone are taken away as long as the metric stays near that of the model; threshold: from the last layer to the first, a part is taken away where that changes little (ACDC, on nodes).',
    options: methods,
    default: 'greedy',
  },
  threshold: {
    kind: 'number',
    title: 'Threshold',
    description:
      'Greedy: how far from the model the metric may end; threshold: how much one part may change it. A share of what all parts together make.',
    min: 0,
    max: 1,
    default: 0.05,
  },
  mode: {
    kind: 'choice',
    title: 'Ablation',
    description:
      'What stands in the place of a part that is taken away: its output on the counterpart (resample), its mean over all positions of the prompts, or zeros.',
    options: [...modes].reverse(),
    default: 'resample',
  },
  mlps: {
    kind: 'boolean',
    title: 'MLPs',
    description: 'MLPs can be taken away too; else they always work.',
    default: true,
  },
} as const satisfies Partial<ParameterTable<DiscoveryParameters>>;

export const edgeShareParameter = {
  ...exactShareParameter('edges'),
  description: `${exactShareParameter('edges').description} Edges that are left out are not in the circuit.`,
} as const;

export const leastPartsGap = leastGapParameter('the whole model and one without any of its parts');

export const discoveryTable: ParameterTable<DiscoveryParameters> = {
  ...methodParameters,
  heldOut: {
    kind: 'number',
    title: 'Held out',
    description: 'Share of the prompts that the circuit is not found on, and measured on; at least one.',
    unit: '%',
    min: 1,
    max: 99,
    default: 50,
  },
  edges: {
    kind: 'boolean',
    title: 'Edges',
    description: 'Measure what each node does to each input of the others, by path patching from the counterpart.',
    default: true,
  },
  edgeThreshold: {
    kind: 'number',
    title: 'Edges drawn',
    description: 'Edges of at least this effect are drawn at first; a slider prunes further.',
    min: 0,
    max: 10,
    default: 0.05,
  },
  subsets: {
    kind: 'integer',
    title: 'Sets taken away',
    description: 'Random sets of nodes, for completeness and minimality.',
    min: 0,
    max: 200,
    default: 10,
  },
  randomCircuits: {
    kind: 'integer',
    title: 'Random circuits',
    description: 'Circuits of as many heads and MLPs, drawn at random: what any of this size would do.',
    min: 0,
    max: 1000,
    default: 20,
  },
  circuit: {
    kind: 'file',
    title: 'Circuit',
    description:
      'A circuit that was saved: its faithfulness, completeness and minimality are measured, and none is searched.',
    default: '',
  },
  ...metricTable,
  leastGap: leastPartsGap,
  exactShare: edgeShareParameter,
};
