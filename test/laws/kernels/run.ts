/** Runs graphs in the real runtime on float64 tensors, and compares what they give with the definition. */
import assert from 'node:assert/strict';
import { arithmeticOn } from '../../../compute-server/harness/arithmetic';
import { openSession } from '../../../compute-server/runtime/session';
import type { Graph } from '../../../kernels/graph/graph';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../../kernels/shape';
import { drawInputs, roundedInputs } from '../../../kernels/inputs';
import { toHeadsFirst, toSequenceFirst } from '../../../kernels/tensors/layout';
import { fromRuntime, toRuntime } from '../../../kernels/tensors/precision';
import type { AttentionInputs, Tensor } from '../../../kernels/tensors/tensor';
import { allowedError, compareWithDefinition, definitionOf } from '../../../kernels/tolerance';

export const precisions: readonly Precision[] = ['float32', 'float16'];

type Named = Readonly<Record<string, Tensor>>;

interface OpenGraph<Inputs, Outputs> {
  readonly run: (inputs: Inputs) => Promise<Outputs>;
  readonly release: () => Promise<void>;
}

/** Every floating output of a graph, in the layout that it has. */
async function openGraph(graph: Graph, precision: Precision): Promise<OpenGraph<Named, Named>> {
  const session = await openSession(graph, { device: 'cpu', threads: 1 });
  return {
    async run(inputs) {
      const outputs = await session.run(
        Object.fromEntries(
          Object.entries(inputs).map(([name, x]) => [name, { data: toRuntime(x, precision), shape: x.shape }] as const),
        ),
      );
      return Object.fromEntries(
        Object.entries(outputs).flatMap(([name, { data, shape }]) =>
          data instanceof Float32Array || data instanceof Uint16Array ? [[name, fromRuntime(data, shape)]] : [],
        ),
      );
    },
    release: () => session.release(),
  };
}

async function once<Inputs, Outputs>(open: Promise<OpenGraph<Inputs, Outputs>>, inputs: Inputs): Promise<Outputs> {
  const { run, release } = await open;
  try {
    return await run(inputs);
  } finally {
    await release();
  }
}

export const runGraph = (graph: Graph, inputs: Named, precision: Precision = 'float32'): Promise<Named> =>
  once(openGraph(graph, precision), inputs);

export type OpenMechanism = OpenGraph<AttentionInputs, Tensor>;

/** A mechanism's graph, as it is or changed, on heads-first tensors; gives its output heads-first. */
export async function openMechanism(
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  precision: Precision,
  change: (graph: Graph) => Graph = (graph) => graph,
): Promise<OpenMechanism> {
  const sequenceFirst = mechanism.layout === 'sequence-first';
  const lay = (x: Tensor) => (sequenceFirst ? toSequenceFirst(x) : x);
  const { run, release } = await openGraph(change(mechanism.build(shape, parameters, precision)), precision);
  return {
    async run({ query, key, value, weights }) {
      const { output } = await run({ query: lay(query), key: lay(key), value: lay(value), ...weights });
      if (!output) throw new TypeError(`${mechanism.id} gave no floating output`);
      return sequenceFirst ? toHeadsFirst(output, shape.heads) : output;
    },
    release,
  };
}

export const runMechanism = (
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  precision: Precision = 'float32',
  change?: (graph: Graph) => Graph,
): Promise<Tensor> => once(openMechanism(mechanism, shape, parameters, precision, change), inputs);

export const drawRounded = (
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  seed: number,
  precision: Precision,
): AttentionInputs => roundedInputs(drawInputs(mechanism, shape, parameters, seed), precision);

/** The output lies within its bounds, row by row; `reference` in place of the mechanism's own. */
export function assertRight(
  mechanism: Mechanism,
  actual: Tensor,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  precision: Precision,
  name: string,
  reference?: (inputs: AttentionInputs) => Tensor,
): void {
  const definition = definitionOf(mechanism, inputs, shape, parameters, reference);
  const { ok, nanMismatches, maxError, tolerance } = compareWithDefinition(
    actual,
    definition,
    inputs,
    shape,
    arithmeticOn('cpu', precision),
    true,
  );
  assert.ok(
    ok,
    `${name}, ${precision}: ${nanMismatches > 0 ? `${nanMismatches} mismatches of NaN` : `error ${maxError}, allowed ${tolerance}`}`,
  );
}

/** The largest bound of a row on this machine's cpu. */
export const mostAllowed = (
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  precision: Precision,
): number => allowedError(mechanism, inputs, shape, parameters, precision, arithmeticOn('cpu', precision).summed);
