/** What a person chooses of the comparison of two circuits. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { edgeShareParameter, leastPartsGap, methodParameters } from '../../shared/circuits/parameters';
import type { SearchParameters } from '../../shared/circuits/task-circuit';
import { metricTable } from '../../shared/effects/metric';
import * as field from '../../../kernels/parameters';

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
  other: field.text(
    'Other task',
    'A task by its id, with its usual parameters, or a file of your own (JSONL); as many samples as of the first.',
    'indirect-object',
  ),
  ...methodParameters,
  heldOut: field.number(
    'Held out',
    'Share of the prompts of each task that its circuit is not found on, and measured on; at least one.',
    { min: 1, max: 99, default: 50, unit: '%' },
  ),
  circuit: field.file(
    'Circuit',
    'The circuit of the first task, saved by circuit-discovery. Without a file it is searched for.',
  ),
  otherCircuit: field.file(
    'Other circuit',
    'The circuit of the other task, saved by circuit-discovery. Without a file it is searched for.',
  ),
  edges: field.flag('Edges', 'Measure the edges of both circuits too, by path patching from the counterparts.', true),
  leastEdge: field.number('Least edge', 'Effect from which an edge counts as one of a circuit.', {
    min: 0,
    max: 10,
    default: 0.02,
  }),
  randomCircuits: field.integer(
    'Random circuits',
    'Circuits of as many heads and MLPs as the other one, measured on each task too.',
    { min: 0, max: 1000, default: 20 },
  ),
  repair: field.heads(
    'Repaired heads',
    'Heads whose attention at the last position is put on chosen positions, such as 2.5,3.1; empty: none.',
  ),
  repairTo: field.text(
    'Repaired to',
    'A role of the first task, or positions such as 3-5,9: the attention is shared out evenly among them.',
    'other-colours',
  ),
  metric: metricTable.metric,
  leastGap: leastPartsGap,
  exactShare: edgeShareParameter,
};
