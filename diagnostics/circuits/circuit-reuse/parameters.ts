/** What a person chooses of the comparison of two circuits. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { edgeShareParameter, leastPartsGap, methodParameters } from '../../shared/circuits/parameters';
import type { SearchParameters } from '../../shared/circuits/task-circuit';
import { metricTable } from '../../shared/effects/metric';

// A type and no interface: values are records.
export type ReuseParameters = SearchParameters & {
  readonly other: string;
  readonly circuit: string;
  readonly otherCircuit: string;
  readonly leastEdge: number;
  readonly randomCircuits: number;
  readonly repair: string;
  readonly repairTo: string;
  readonly metric: string;
};

export const reuseTable: ParameterTable<ReuseParameters> = {
  other: {
    kind: 'text',
    title: 'Other task',
    description:
      'A task by its id, with its usual parameters, or a file of your own (JSONL); as many samples as of the first.',
    default: 'indirect-object',
  },
  ...methodParameters,
  heldOut: {
    kind: 'number',
    title: 'Held out',
    description: 'Share of the prompts of each task that its circuit is not found on, and measured on; at least one.',
    unit: '%',
    min: 1,
    max: 99,
    default: 50,
  },
  circuit: {
    kind: 'file',
    title: 'Circuit',
    description: 'Of the first task, as circuit-discovery has saved it; without one it is searched.',
    default: '',
  },
  otherCircuit: {
    kind: 'file',
    title: 'Other circuit',
    description: 'Of the other task, as circuit-discovery has saved it; without one it is searched.',
    default: '',
  },
  edges: {
    kind: 'boolean',
    title: 'Edges',
    description: 'Measure the edges of both circuits too, by path patching from the counterparts.',
    default: true,
  },
  leastEdge: {
    kind: 'number',
    title: 'Least edge',
    description: 'Effect from which an edge counts as one of a circuit.',
    min: 0,
    max: 10,
    default: 0.02,
  },
  randomCircuits: {
    kind: 'integer',
    title: 'Random circuits',
    description: 'Circuits of as many heads and MLPs as the other one, measured on each task too.',
    min: 0,
    max: 1000,
    default: 20,
  },
  repair: {
    kind: 'heads',
    title: 'Repaired heads',
    description: 'Heads whose attention at the last position is put on chosen positions, such as 2.5,3.1; empty: none.',
    default: '',
  },
  repairTo: {
    kind: 'text',
    title: 'Repaired to',
    description: 'A role of the first task, or positions such as 3-5,9: the attention is shared out evenly among them.',
    default: 'other-colours',
  },
  metric: metricTable.metric,
  leastGap: leastPartsGap,
  exactShare: edgeShareParameter,
};
