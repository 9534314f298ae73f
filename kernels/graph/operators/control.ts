/** Loops inside a graph. */
import { GraphBuilder } from '../builder';
import { sameShape, type Dim, type Shape } from '../dims';
import { body, int, ints, type Value } from '../records';
import { describe, fail } from './checks';

export interface ScanStep {
  /** The state after the step; types and shapes must be those of the state before it. */
  readonly states: readonly Value[];
  /** What the step gives; stacked along a new axis 0. */
  readonly outputs: readonly Value[];
}

/**
 * Runs `step` once for each slice along axis 0 of the scanned values, carrying states. The step is built in a graph of its
 * own, which may also read values of the graph around it.
 */
export function scan(
  states: readonly Value[],
  scanned: readonly Value[],
  step: (states: readonly Value[], slices: readonly Value[]) => ScanStep,
  name = 'Scan',
  /** Whether the scan runs from the last slice to the first. Outputs stay in the order of the slices. */
  backwards = false,
): { readonly states: readonly Value[]; readonly outputs: readonly Value[] } {
  const [first, ...rest] = scanned;
  if (!first) fail('Scan', name, 'needs at least one value to scan.');
  const length: Dim = first.shape[0] ?? 1;
  for (const other of rest) {
    if (other.shape[0] !== length)
      fail('Scan', name, `scans ${describe(first)} and ${describe(other)}, whose first axes differ.`);
  }
  const inner = new GraphBuilder(`${name} body`, first.graph);
  const stateInputs = states.map((state) => inner.input(inner.fresh(`${name}.state`), state.type, state.shape));
  const sliceInputs = scanned.map((value) =>
    inner.input(inner.fresh(`${name}.slice`), value.type, value.shape.slice(1)),
  );
  const result = step(stateInputs, sliceInputs);
  states.forEach((state, i) => {
    const after = result.states[i];
    if (!after || after.type !== state.type || after.shape.join() !== state.shape.join()) {
      fail(
        'Scan',
        name,
        `state ${i} is ${describe(state)} before the step and ${after ? describe(after) : 'absent'} after it.`,
      );
    }
  });
  for (const value of [...result.states, ...result.outputs]) inner.output(value, inner.fresh(`${name}.result`));
  const values = first.graph.node(
    'Scan',
    [...states, ...scanned],
    [
      ...states.map(({ type, shape }) => ({ type, shape })),
      ...result.outputs.map(({ type, shape }) => ({ type, shape: [length, ...shape] })),
    ],
    {
      body: body(inner),
      num_scan_inputs: int(scanned.length),
      ...(backwards
        ? {
            scan_input_directions: ints(scanned.map(() => 1)),
            ...(result.outputs.length > 0 ? { scan_output_directions: ints(result.outputs.map(() => 1)) } : {}),
          }
        : {}),
    },
  );
  return { states: values.slice(0, states.length), outputs: values.slice(states.length) };
}

/**
 * One of two sub-graphs by a bool scalar; only the chosen one runs. Both give values of the same types; where their shapes
 * differ, `shapes` says what comes out.
 */
export function conditional(
  condition: Value,
  yes: (graph: GraphBuilder) => readonly Value[],
  no: (graph: GraphBuilder) => readonly Value[],
  shapes?: readonly Shape[],
  name = 'If',
): readonly Value[] {
  if (condition.type !== 'bool') fail('If', name, `the condition must be bool, not ${describe(condition)}.`);
  const branch = (title: string, build: (graph: GraphBuilder) => readonly Value[]) => {
    const inner = new GraphBuilder(`${name} ${title}`, condition.graph);
    // A branch may give a value of the graph around it, which it must rename.
    for (const value of build(inner)) inner.output(value, inner.fresh(`${name}.${title}`));
    return inner;
  };
  const yesBody = branch('then', yes);
  const noBody = branch('else', no);
  if (yesBody.outputs.length !== noBody.outputs.length) {
    fail('If', name, `its branches give ${yesBody.outputs.length} and ${noBody.outputs.length} values.`);
  }
  const outputs = yesBody.outputs.map((value, i) => {
    const other = noBody.outputs[i];
    const declared = shapes?.[i];
    if (!other || other.type !== value.type || (!declared && !sameShape(other.shape, value.shape))) {
      fail('If', name, `result ${i} is ${describe(value)} or ${other ? describe(other) : 'absent'}.`);
    }
    return { type: value.type, shape: declared ?? value.shape };
  });
  return condition.graph.node('If', [condition], outputs, { then_branch: body(yesBody), else_branch: body(noBody) });
}
