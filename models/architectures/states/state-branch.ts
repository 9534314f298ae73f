/** The recurrence of a block in its graphs: of a chunk, and of one new position. */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import type { Value } from '../../../kernels/graph/records';
import { multiply } from '../../../kernels/graph/operators/elementwise';
import { gather, reshape, transpose } from '../../../kernels/graph/operators/layout';
import { interveneOnHeads, type Interventions } from '../../instrument/changes/changes';
import { replaced, type Replacement } from '../../instrument/changes/replacement';
import type { LayerTap } from '../../instrument/taps';
import { linear } from '../layers';
import type { StateSpec } from '../state-spec';
import type { StoredWeights } from '../stored-weights';
import { mixerOf } from './mixers';
import { newState, pastState } from './names';

/** Shapes of the states of one text, by name. */
export const stateShapes = (spec: StateSpec): Readonly<Record<string, readonly number[]>> => mixerOf(spec).shapes(spec);

/** Shape of what the recurrence makes of the identity, without batch and keys; undefined where there is no effective attention. */
export const readsShape = (spec: StateSpec): readonly number[] | undefined => mixerOf(spec).readsShape?.(spec);

/** How many positions share one kept state while a gradient goes back through the recurrence. */
export const positionsOfState = (spec: StateSpec): number => mixerOf(spec).positionsOfState;

interface BranchOptions {
  /** Changes of its heads, if they are the heads of the block. */
  readonly interventions?: Interventions | undefined;
  /** Changes of its heads beside those of attention: factors [b, h], and replacements. */
  readonly gain?: Value | undefined;
  readonly replacement?: Replacement | undefined;
  readonly tap: (value: Value, name: LayerTap) => Value;
  readonly effective: boolean;
}

/** What the recurrence adds, [b, n, w], of x [b, n, w] behind the input norm. */
export function stateBranch(
  graph: GraphBuilder,
  spec: StateSpec,
  weights: StoredWeights,
  x: Value,
  options: BranchOptions,
): Value {
  const shape = options.effective ? readsShape(spec) : undefined;
  const reads = shape && graph.input('past_reads', 'float32', ['b', ...shape, 'past']);
  const made = mixerOf(spec).compute(spec, { graph, weights, x, past: statesOf(graph, spec, 'b'), reads });
  leave(graph, made.states);
  const alone = 'interventions' in options;
  if (made.effective) {
    const { matrix } = made.effective;
    graph.output(made.effective.reads, 'reads');
    if (alone) {
      const selected = graph.input('selected_heads', 'int64', ['selected']);
      graph.output(gather(matrix, selected, 1, 'attention.selected'));
    }
    graph.output(matrix, 'state.effective');
  }
  const byHead = transpose(made.heads, [0, 2, 1, 3]);
  const name = alone ? 'attention.head_output' : 'state.head_output';
  const { interventions, gain, replacement } = options;
  const changed = interventions
    ? interveneOnHeads(graph, interventions, byHead, name)
    : gain
      ? replaced(
          replacement,
          (operand) => multiply(operand(byHead), reshape(operand(gain), ['b', spec.heads, 1, 1])),
          name,
        )
      : byHead;
  const output = options.tap(changed, name);
  return linear(
    graph,
    weights,
    spec.output,
    reshape(transpose(output, [0, 2, 1, 3]), ['b', 'n', spec.heads * spec.headDim]),
  );
}

/** The same of one position, x [1, w]; `alone`: its heads are the heads of the block. */
export function stateStep(
  graph: GraphBuilder,
  spec: StateSpec,
  weights: StoredWeights,
  x: Value,
  alone: boolean,
): Value {
  const { heads, headDim } = spec;
  const row = reshape(x, [1, 1, x.shape[1] ?? 1]);
  const made = mixerOf(spec).compute(spec, { graph, weights, x: row, past: statesOf(graph, spec, 1) });
  leave(graph, made.states);
  const rows = reshape(made.heads, [heads, headDim]);
  const gain = graph.input(alone ? 'head_gain' : 'state_head_gain', 'float32', [heads, 1]);
  const output = alone ? graph.output(multiply(rows, gain, 'head_output')) : multiply(rows, gain);
  return linear(graph, weights, spec.output, reshape(output, [1, heads * headDim]));
}

const statesOf = (graph: GraphBuilder, spec: StateSpec, batch: 'b' | 1): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    Object.entries(stateShapes(spec)).map(([name, shape]) => [
      name,
      graph.input(pastState(name), 'float32', [batch, ...shape]),
    ]),
  );

function leave(graph: GraphBuilder, states: Readonly<Record<string, Value>>): void {
  for (const [name, value] of Object.entries(states)) graph.output(value, newState(name));
}
