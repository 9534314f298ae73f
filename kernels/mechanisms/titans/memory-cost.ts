/** Operations and bytes of the neural memory of Titans, for float32. */
import type { Cost } from '../../cost/cost';
import type { AttentionShape } from '../../shape';
import { memoryCells, memoryLayers, type MemoryParameters } from './layers';

/** Operations of a GELU beside those of a product, and of its slope. */
const geluFlops = 9;
const slopeFlops = 9;

/** Widths of the layers' inputs together, of their outputs, and of the hidden layers alone. */
function widthsOf(shape: AttentionShape, parameters: Pick<MemoryParameters, 'depth' | 'expansion'>) {
  const layers = memoryLayers(shape, parameters);
  const inputs = layers.reduce((sum, { rows }) => sum + rows, 0);
  return { inputs, outputs: layers.reduce((sum, { columns }) => sum + columns, 0), hidden: inputs - shape.headDim };
}

/**
 * Multiply-adds of the chunks of `rows` keys. With w the weights of one memory (d dv for a matrix), w'
 * those above its first layer, a chunk of L has, for each key: L^2 + L for the decays (with momentum and forgetting), w of its errors and w'
 * of those below, w for the next memory and for the next surprise; for each query: w for the memory and for the surprise, and
 * L for each input and output of a layer.
 */
export function chunkProducts(
  shape: AttentionShape,
  size: number,
  rows: number,
  parameters: Pick<MemoryParameters, 'depth' | 'expansion' | 'momentum' | 'forgetting'>,
): number {
  const { batch, heads, kvHeads, headDim: d } = shape;
  const cells = memoryCells(shape, parameters);
  const { inputs, outputs } = widthsOf(shape, parameters);
  const { momentum, forgetting } = parameters;
  const above = cells - memoryLayers(shape, parameters)[0]!.columns * d;
  const parts = momentum ? 2 : 1;
  const perKey = (momentum && forgetting ? size ** 2 + size : 0) + (1 + parts) * cells + above;
  const perQuery = parts * cells + size * (inputs + outputs);
  return batch * rows * (kvHeads * perKey + heads * perQuery);
}

/** Two for each multiply-add, those of the gates included, and other operations. */
export function chunkFlops(shape: AttentionShape, size: number, rows: number, parameters: MemoryParameters): number {
  const { batch, heads, kvHeads, headDim: d } = shape;
  const { hidden, inputs } = widthsOf(shape, parameters);
  const { momentum, depth } = parameters;
  const parts = momentum ? 2 : 1;
  const products = chunkProducts(shape, size, rows, parameters) + 3 * batch * rows * kvHeads * d;
  const elementwise =
    batch *
    rows *
    (kvHeads * (8 * size + 6 * d + parts * inputs + (geluFlops + slopeFlops) * hidden) +
      heads * (2 * depth * size + 6 * d + geluFlops * hidden));
  return 2 * products + elementwise;
}

/** Bytes of one set of memories. */
export const memoryBytes = (shape: AttentionShape, parameters: MemoryParameters): number =>
  4 * shape.batch * shape.kvHeads * memoryCells(shape, parameters);

/** Bytes moved by the chunks: 12 passes over the memories of each, those over its decays and over its hidden rows. */
export function chunkBytes(shape: AttentionShape, size: number, rows: number, parameters: MemoryParameters): number {
  const { batch, heads, kvHeads } = shape;
  const { hidden } = widthsOf(shape, parameters);
  const decays = size * (6 * kvHeads + 4 * parameters.depth * heads);
  const states = (rows / size) * 12 * memoryBytes(shape, parameters);
  return states + 4 * batch * rows * (decays + hidden * (16 * kvHeads + 10 * heads));
}

/** Bytes that live while a chunk runs: memory and surprise before and after it, the products between, the hidden rows. */
export const chunkPeakBytes = (shape: AttentionShape, size: number, parameters: MemoryParameters): number =>
  6 * memoryBytes(shape, parameters) +
  4 * shape.batch * size * widthsOf(shape, parameters).hidden * (6 * shape.kvHeads + 3 * shape.heads);

/** One step: the gradient, the three states and `reads` reads of every query head. */
export function stepCost(shape: AttentionShape, parameters: MemoryParameters, reads = 1): Cost {
  const { batch, heads, kvHeads } = shape;
  const cells = batch * memoryCells(shape, parameters);
  const above = cells - batch * memoryLayers(shape, parameters)[0]!.columns * shape.headDim;
  return {
    flops: kvHeads * (9 * cells + 2 * above) + 2 * reads * heads * cells,
    bytes: 4 * cells * (10 + 2 * reads) * kvHeads,
    peakBytes: 4 * cells * 6 * kvHeads,
  };
}
