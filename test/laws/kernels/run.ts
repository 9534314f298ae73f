/** Runs graphs in the real runtime on float64 tensors. */
import { openSession } from '../../../compute-server/runtime/session';
import type { Graph } from '../../../kernels/graph/graph';
import type { AttentionInputs, Mechanism, ParameterValues } from '../../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../../kernels/shape';
import { toHeadsFirst, toSequenceFirst } from '../../../kernels/tensors/layout';
import { fromRuntime, toRuntime } from '../../../kernels/tensors/precision';
import type { Tensor } from '../../../kernels/tensors/tensor';

/** Every floating output of a graph, in the layout that it has. */
export async function runGraph(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  precision: Precision = 'float32',
): Promise<Readonly<Record<string, Tensor>>> {
  const session = await openSession(graph, { device: 'cpu', threads: 1 });
  try {
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
  } finally {
    await session.release();
  }
}

/** A mechanism's graph, as it is or changed, on heads-first tensors; gives its output heads-first. */
export async function runMechanism(
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  precision: Precision = 'float32',
  change: (graph: Graph) => Graph = (graph) => graph,
): Promise<Tensor> {
  const sequenceFirst = mechanism.layout === 'sequence-first';
  const lay = (x: Tensor) => (sequenceFirst ? toSequenceFirst(x) : x);
  const { output } = await runGraph(
    change(mechanism.build(shape, parameters, precision)),
    { query: lay(inputs.query), key: lay(inputs.key), value: lay(inputs.value), ...inputs.weights },
    precision,
  );
  if (!output) throw new TypeError(`${mechanism.id} gave no floating output`);
  return sequenceFirst ? toHeadsFirst(output, shape.heads) : output;
}
