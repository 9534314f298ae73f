/**
 * Two linear maps of the same inputs whose weights lie one behind the other in a file, as one product: the gate of an expert and what it
 * gates, in most checkpoints. A layer of 64 experts has so 64 nodes less, each of which costs some microseconds in decoding although it
 * multiplies no row (docs/measured.md).
 */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import { cast } from '../../kernels/graph/operators/elementwise';
import { fusedMatmul } from '../../kernels/graph/operators/matrix';
import { checkedTensor, externalOf, floatOf, type StoredWeights } from './stored-weights';
import type { Linear } from './weights-spec';

interface Place {
  readonly type: 'float32' | 'float16' | 'bfloat16';
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** The rows of a map in its file; undefined where it has more than a weight that is stored row by row. */
function placeOf(weights: StoredWeights, spec: Linear): Place | undefined {
  const { weight, bias, factor, inputs, outputs, stored, groups, everySecond, firstRow = 0 } = spec;
  const more = bias ?? factor ?? groups ?? everySecond;
  if (more !== undefined || stored !== 'outputs-inputs') return undefined;
  const tensor = checkedTensor(weights, weight, spec.storedShape ?? [spec.storedRows ?? outputs, inputs]);
  const { location, offset } = tensor;
  const { type, bytes } = floatOf(tensor);
  const row = inputs * bytes;
  return { type, location, offset: offset + firstRow * row, length: outputs * row };
}

/**
 * x [..., inputs] to [..., outputs of one + outputs of other]; undefined where the two do not lie side by side. Weights that are held in
 * integers, multiplied in float16 or cut into pieces are laid out map by map.
 */
export function adjacentProduct(
  graph: GraphBuilder,
  weights: StoredWeights,
  one: Linear,
  other: Linear,
): ((x: Value) => Value) | undefined {
  if (weights.pack ?? weights.products ?? weights.largest) return undefined;
  const [first, second] = [placeOf(weights, one), placeOf(weights, other)];
  const joined =
    first && second && first.location === second.location && first.type === second.type && one.inputs === other.inputs;
  if (!joined || first.offset + first.length !== second.offset) return undefined;
  const outputs = one.outputs + other.outputs;
  const label = `${one.weight}[${one.firstRow ?? 0}] to ${other.weight}[${(other.firstRow ?? 0) + other.outputs}]`;
  return (x) => {
    const stored = externalOf(graph, label, first.type, [outputs, one.inputs], {
      ...{ location: first.location, offset: first.offset, length: first.length + second.length },
    });
    return fusedMatmul(x, first.type === 'float32' ? stored : cast(stored, 'float32'), { transposeB: true });
  };
}
