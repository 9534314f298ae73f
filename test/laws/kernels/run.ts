/** Runs a mechanism's graph in the real runtime on heads-first float64 tensors and gives its output heads-first. */
import { openSession } from '../../../compute-server/runtime/session';
import type { AttentionInputs, Mechanism, ParameterValues } from '../../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../../kernels/shape';
import { toHeadsFirst, toSequenceFirst } from '../../../kernels/tensors/layout';
import { fromRuntime, toRuntime } from '../../../kernels/tensors/precision';
import type { Tensor } from '../../../kernels/tensors/tensor';

export async function runMechanism(
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
  precision: Precision = 'float32',
): Promise<Tensor> {
  const session = await openSession(mechanism.build(shape, parameters, precision), { device: 'cpu', threads: 1 });
  try {
    const sequenceFirst = mechanism.layout === 'sequence-first';
    const feed = (x: Tensor) => {
      const laid = sequenceFirst ? toSequenceFirst(x) : x;
      return { data: toRuntime(laid, precision), shape: laid.shape };
    };
    const feeds = {
      query: feed(inputs.query),
      key: feed(inputs.key),
      value: feed(inputs.value),
      ...Object.fromEntries(
        Object.entries(inputs.weights).map(([name, x]) => [name, { data: toRuntime(x, precision), shape: x.shape }]),
      ),
    };
    const { output } = await session.run(feeds);
    if (!output || !(output.data instanceof Float32Array || output.data instanceof Uint16Array)) {
      throw new TypeError(`${mechanism.id} gave no floating output`);
    }
    const result = fromRuntime(output.data, output.shape);
    return sequenceFirst ? toHeadsFirst(result, shape.heads) : result;
  } finally {
    await session.release();
  }
}
