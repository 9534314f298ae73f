/** Memory as context in a graph, segment by segment (context.ts has the definition). */
import { additiveMask } from '../../graph/attention-graph';
import { scan } from '../../graph/operators/control';
import { add } from '../../graph/operators/elementwise';
import { concat, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { AttentionShape } from '../../shape';
import type { ContextOrder } from './context';
import { gated } from './gating';
import {
  carryOf,
  decaysOf,
  flatCarry,
  gateValues,
  initialCarry,
  learnChunk,
  lowerTriangle,
  mapped,
  unitRows,
  type ChunkRows,
  type WeightValues,
} from './memory-graph';
import { forwardOf } from './network-graph';
import { spread } from './persistent';
import { projectGroup } from './projections';

/** `count` segments of `length` positions, each in whole chunks of `size`; the last one is filled up with zeros. */
export function segmentsOf(keys: number, { segment, chunk }: Pick<ContextOrder, 'segment' | 'chunk'>) {
  const size = Math.min(chunk, keys);
  const length = Math.min(segment, Math.ceil(keys / size) * size);
  return { size, length, count: Math.ceil(keys / length) };
}

/** Outputs [b, h, n, dv] for as many queries as keys. */
export function inSegments(
  query: Value,
  key: Value,
  value: Value,
  weights: WeightValues,
  shape: AttentionShape,
  parameters: ContextOrder & { readonly persistent: number },
): Value {
  const { batch, heads, kvHeads, keys, headDim, valueDim } = shape;
  const group = heads / kvHeads;
  const { size, length, count } = segmentsOf(keys, parameters);
  const { persistent } = parameters;
  const cut = (x: Value, own: number): Value => {
    const padded = pad(x, 2, 0, count * length - keys);
    const width = Number(x.shape[3]);
    return transpose(reshape(padded, [batch, own, count, length, width]), [2, 0, 1, 3, 4]);
  };
  const first = flatCarry(initialCarry(weights, shape, parameters));
  const lower = lowerTriangle(query, size);
  const storeQuery = reshape(weights['store.query']!, [kvHeads, group, valueDim, headDim]);
  const prefix = ['persistent.key', 'persistent.value'].flatMap((name) => weights[name] ?? []);
  const [prefixKeys, prefixValues] = prefix.map((rows) => [spread(rows, batch)]);
  // Columns: the memory's answers, the segment, the persistent positions.
  const mask = additiveMask(query, length, 2 * length + persistent, (i, j) => j >= 2 * length || j % length <= i);
  const { outputs } = scan(first, [cut(query, heads), cut(key, kvHeads), cut(value, kvHeads)], (states, [q, k, v]) => {
    let carry = carryOf(states, parameters);
    const queries = reshape(q!, [batch, kvHeads, group, length, headDim]);
    const answers = forwardOf(carry.memory, unitRows(queries)).at(-1)!.sum;
    const [readKey, readValue] = projectGroup(answers, weights, 'context');
    const joinedKeys = concat([readKey, k!, ...(prefixKeys ?? [])], 2);
    const joinedValues = concat([readValue, v!, ...(prefixValues ?? [])], 2);
    const tile = reshape(q!, [batch, kvHeads, group * length, headDim]);
    const scores = fusedMatmul(tile, joinedKeys, { transposeB: true, scale: headDim ** -0.5 });
    const apart = reshape(scores, [batch, kvHeads, group, length, 2 * length + persistent]);
    const probabilities = softmax(reshape(add(apart, mask), scores.shape));
    const y = reshape(matmul(probabilities, joinedValues), [batch, kvHeads, group, length, valueDim]);

    const [newKey, newValue] = projectGroup(y, weights, 'store');
    const decays = decaysOf(gateValues(newKey, weights, parameters));
    const rows: ChunkRows = {
      query: unitRows(matmul(y, storeQuery)),
      ...mapped({ key: unitRows(newKey), value: newValue, ...decays }, (x) => unsqueeze(x, 2)),
    };
    const reads: Value[] = [];
    for (let from = 0; from < length; from += size) {
      const chunk = mapped(rows, (x) => slice(x, 3, from, from + size));
      const learned = learnChunk(carry, chunk, lower);
      carry = learned.next;
      reads.push(learned.read);
    }
    const byHead = (x: Value): Value => reshape(x, [batch, heads, length, valueDim]);
    return { states: flatCarry(carry), outputs: [gated(byHead(concat(reads, 3)), byHead(y), weights)] };
  });
  const joined = reshape(transpose(outputs[0]!, [1, 2, 0, 3, 4]), [batch, heads, count * length, valueDim]);
  return slice(joined, 2, 0, keys);
}
