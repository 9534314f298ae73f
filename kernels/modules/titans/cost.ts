/** Operations and bytes of a Titans block, for float32. */
import { memoryCells } from '../../mechanisms/titans/layers';
import { chunkBytes, chunkFlops, chunkProducts } from '../../mechanisms/titans/memory-cost';
import { chunksOf } from '../../mechanisms/titans/memory-graph';
import type { ModuleCost } from '../../module';
import { parameterCount } from '../../module-parts/weights';
import { blocksOf, contextSegments } from './graph';
import { learnedBefore, memoryOrder, memoryShape, titansWeights, type TitansParameters } from './parameters';

interface Parts {
  /** Multiply-adds of linear layers, and of attention. */
  readonly layers: number;
  readonly attention: number;
  /** Scores of the attention, all heads. */
  readonly scores: number;
  /** Rows that the memories learn, in whole chunks of `size`. */
  readonly rows: number;
  readonly size: number;
}

/** Operations of one sequence; D = width, N rows of the memory, p persistent tokens, one gate for each head. */
function partsOf(parameters: TitansParameters): Parts {
  const { form, tokens: n, width: d, heads, persistent: p, window, kernel, forgetting, momentum } = parameters;
  const gates = (1 + Number(forgetting) + Number(momentum)) * heads * d;
  if (form === 'context') {
    const { size, length, count } = contextSegments(parameters);
    const columns = 2 * length + p;
    const answers = heads * length * memoryCells(memoryShape(parameters, 1), parameters);
    const rows = 6 * length + 3 * (length + kernel - 1);
    return {
      // Queries of the answers and the last layer; keys and values of P; a segment's.
      layers: 2 * n * d * d + 2 * p * d * d + count * (rows * d * d + length * gates + answers),
      attention: 2 * count * length * columns * d,
      scores: count * heads * length * columns,
      rows: count * length,
      size,
    };
  }
  const all = n + learnedBefore(parameters);
  const { size, count } = chunksOf(all, memoryOrder(parameters));
  const attended = form === 'gate' ? n : all;
  const blocks = blocksOf(attended, window);
  const columns = (blocks.count > 1 ? 2 : 1) * blocks.size + (form === 'gate' ? p : 0);
  const pairs = form === 'memory' ? 0 : blocks.count * blocks.size * columns;
  const others = { memory: 2 * n, gate: 5 * n + 2 * p, layer: 6 * all }[form];
  return {
    layers: 3 * all * d * d + all * gates + others * d * d,
    attention: 2 * pairs * d,
    scores: heads * pairs,
    rows: count * size,
    size,
  };
}

export function titansCost(parameters: TitansParameters): ModuleCost {
  const { batch, tokens, width, kernel } = parameters;
  const { layers, attention, scores, rows, size } = partsOf(parameters);
  const shape = memoryShape(parameters, tokens);
  const order = memoryOrder(parameters);
  const count = parameterCount(titansWeights(parameters));
  const chunks = chunkProducts(shape, size, rows, order);
  const multiplyAdds = batch * (layers + attention) + chunks;
  return {
    multiplyAdds,
    // The chunks with their elementwise work; norms, gates and 6 for each tap of the convolutions; 5 for each score.
    flops:
      2 * batch * (layers + attention) +
      chunkFlops(shape, size, rows, order) +
      batch * (5 * scores + rows * width * (40 + 6 * kernel)),
    bytes:
      4 * (count + batch * (rows * width * (60 + 12 * kernel) + 6 * scores)) + chunkBytes(shape, size, rows, order),
    parameters: count,
  };
}
