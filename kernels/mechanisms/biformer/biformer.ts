import { pairFlops, tensorBytes } from '../../cost/attention';
import { attentionGraph } from '../../graph/attention-graph';
import { add } from '../../graph/operators/elementwise';
import { depthwiseConvolution } from '../../graph/operators/convolution';
import { reshape, transpose } from '../../graph/operators/layout';
import type { Mechanism } from '../../mechanism';
import { sequenceInputs } from '../../reference/batches';
import { denseReads } from '../../reference/pattern';
import { allRows, softmaxRows } from '../../reference/softmax';
import { isCausalSelf, type AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { biformerDecoding } from './decode';
import { biLevelAttention } from './kernel';
import { laidOut, regionsOf, regionSizes, routes, scaleOf, type BiFormerParameters } from './regions';
import * as field from '../../parameters';
import type { AttentionInputs } from '../../tensors/tensor';

export const biformer: Mechanism<BiFormerParameters> = {
  id: 'biformer',
  title: 'Bi-level routing (BiFormer)',
  family: 'sparse',
  summary:
    'The cells of a feature map are grouped into regions; each region of queries reads the few regions of keys whose mean is most like its own, with one choice for all heads. Only dense products remain, and their number does not grow with the regions that are passed over.',
  source: {
    reference: 'arXiv:2303.08810, section 3.2; code rayleizhu/BiFormer (bra_legacy.py)',
    trust: 'high',
    note: 'Regions are windows of a grid, as published. Our choices: where the columns are left open, the squarest grid of the positions, and the largest number of splits that divides it, up to the one asked for (the release pads instead); the share that is read so depends on the divisors of the length, and formulas of the cost are those of powers of two. Causal and cross attention are not defined there and take a sequence of contiguous regions: a region reads its own keys up to each query and chooses among complete earlier regions by the mean of the queries that end with its first, so that no later one is looked at. The last region of a sequence may be short; missing positions are masked and not counted in means.',
  },
  template: {
    projected: 'mean query and mean key of each region',
    scores: 'q·k / √d; regions by their means',
    positions: { words: 'own region and the regions most like it', chosen: 'by data' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of all positions, mean keys of the regions', grows: true },
    sharded: {
      heads: 'means of the regions, which join all heads',
      headsIndependent: false,
      sequence: 'the means of all regions, then the regions that are read',
    },
  },
  parameters: {
    positions: field.choice(
      'Positions',
      'grid: regions are windows of a feature map, as published; sequence: contiguous stretches, as causal and cross attention always have them.',
      { options: ['grid', 'sequence'], default: 'grid' },
    ),
    columns: field.integer(
      'Columns',
      'Grid only: columns of the grid of positions, row after row; 0: the squarest grid there is.',
      { min: 0, max: 65536, default: 0 },
    ),
    splits: field.integer(
      'Splits',
      'Grid only: regions along each side (S); the most where the columns are left open.',
      { min: 1, max: 256, default: 7 },
    ),
    topk: field.integer('Regions read', 'Regions of keys that a region of queries reads (causal: besides its own).', {
      min: 1,
      max: 4096,
      default: 4,
    }),
    region: field.integer('Region', 'Sequence only: positions of a region.', { min: 1, max: 65536, default: 128 }),
    scale: field.choice(
      'Scale',
      'Scores are divided by the root of the width of all heads (the released models) or of one head.',
      { options: ['full width', 'head width'], default: 'full width' },
    ),
    local: field.choice('Local context', 'Grid only: adds a learned depth-wise convolution of the values (LCE).', {
      options: ['none', '5 x 5'],
      default: 'none',
    }),
  },
  layout: 'sequence-first',
  // Products of the regions' means are half of the work from about 2^25 positions on.
  exponent: 2,
  supports(shape, given) {
    const { columns, splits, local } = laidOut(shape, given);
    if (isCausalSelf(shape) && shape.queries < shape.keys) {
      return {
        ok: false,
        why: 'Causal routing looks at the queries before a region, and a cache holds keys and values only: give the whole sequence.',
      };
    }
    if (columns === 0) {
      return local === 'none'
        ? { ok: true }
        : {
            ok: false,
            why: 'Local context is a convolution over a grid: choose positions on a grid and non-causal self-attention.',
          };
    }
    if (shape.pattern !== 'noncausal-self') {
      return {
        ok: false,
        why: 'A grid has no order in time and one set of positions: it takes non-causal self-attention only.',
      };
    }
    const lines = shape.keys / columns;
    if (shape.queries !== shape.keys || !Number.isInteger(lines) || lines % splits !== 0 || columns % splits !== 0) {
      return {
        ok: false,
        why: `${splits} x ${splits} regions need rows and columns that ${splits} divides: ${shape.keys} positions in ${columns} columns are none.`,
      };
    }
    if (local !== 'none' && shape.kvHeads !== shape.heads) {
      return {
        ok: false,
        why: 'Local context adds to each head the values of that head: it needs as many key/value heads as heads.',
      };
    }
    return { ok: true };
  },
  weights: ({ heads, valueDim }, { local }) =>
    local === 'none'
      ? []
      : [
          { name: 'local.kernel', shape: [heads * valueDim, 1, 5, 5], initial: { kind: 'normal', deviation: 0.2 } },
          { name: 'local.bias', shape: [heads * valueDim], initial: { kind: 'constant', value: 0 } },
        ],
  reference: (inputs, shape, parameters) => referenceRows(inputs, shape, parameters, allRows(shape)),
  referenceRows,
  build: (full, given, precision) =>
    attentionGraph('biformer', full, precision, 'sequence-first', ({ builder, query, key, value }, shape) => {
      const parameters = laidOut(full, given);
      const attended = biLevelAttention(query, key, value, shape, parameters, scaleOf(shape, parameters));
      if (parameters.local === 'none') return attended;
      const [kernel, bias] = biformer.weights!(full, parameters).map(({ name, shape: dims }) =>
        builder.input(name, precision, dims),
      );
      const channels = shape.heads * shape.valueDim;
      const grid = reshape(transpose(value, [0, 2, 1]), [shape.batch, channels, -1, parameters.columns]);
      const local = reshape(depthwiseConvolution(grid, kernel!, bias), [shape.batch, channels, shape.keys]);
      return add(attended, transpose(local, [0, 2, 1]));
    }),
  cost(shape, given) {
    const parameters = laidOut(shape, given);
    const { batch, heads, kvHeads, headDim, valueDim } = shape;
    const queries = isCausalSelf(shape) ? Math.min(shape.queries, shape.keys) : shape.queries;
    const [from, to] = [regionSizes(queries, parameters), regionSizes(shape.keys, parameters)];
    const read = Math.min(parameters.topk, to.count) * to.size;
    const own = isCausalSelf(shape) ? from.size : 0;
    const rows = from.count * from.size;
    const routing =
      batch * (from.count * to.count * kvHeads * headDim * 2 + rows * heads * headDim + shape.keys * kvHeads * headDim);
    const gathered = 4 * batch * from.count * read * kvHeads * (headDim + valueDim);
    const local = parameters.local === 'none' ? 0 : 50 * batch * shape.keys * heads * valueDim;
    return {
      flops: pairFlops(shape, rows * (read + own)) + routing + local,
      bytes: 3 * tensorBytes(shape) + 2 * gathered + 16 * batch * heads * rows * own,
      peakBytes: 2 * tensorBytes(shape) + gathered + 8 * batch * heads * rows * own,
    };
  },
  pattern(shape, given) {
    const { region, columns } = laidOut(shape, given);
    return {
      dependsOnData: true,
      reads: denseReads(shape),
      ...(columns === 0 ? { block: { queries: region, keys: region } } : {}),
    };
  },
  chosen(inputs, shape, given) {
    const parameters = laidOut(shape, given);
    const blind = blindRows(shape);
    const seeing = { ...shape, batch: 1, queries: shape.queries - blind };
    const reads = routedReads(sequenceInputs(inputs, 0, blind), seeing, parameters);
    return (query, key) => query >= blind && reads(query - blind, key);
  },
  decode: biformerDecoding,
  limits: [
    {
      name: 'every region read, scores by the head width',
      parameters: () => ({ region: 16, topk: 64, scale: 'head width' }),
      equals: 'scaled-dot-product',
    },
  ],
};

/** More queries than keys, causal: the first ones read nothing and route nothing. */
const blindRows = (shape: AttentionShape): number =>
  isCausalSelf(shape) ? Math.max(0, shape.queries - shape.keys) : 0;

/** Which pairs one sequence reads: of its own region up to the query (causal), of the chosen regions all. */
function routedReads(
  part: AttentionInputs,
  shape: AttentionShape,
  parameters: BiFormerParameters,
): (query: number, key: number) => boolean {
  const regionOf = (length: number): Int32Array => {
    const { order, size } = regionsOf(length, parameters);
    const regions = new Int32Array(length);
    order.forEach((position, at) => (regions[position] = Math.floor(at / size)));
    return regions;
  };
  const [queryRegions, keyRegions] = [regionOf(shape.queries), regionOf(shape.keys)];
  const chosen = routes(part, shape, parameters, 0).map((list) => new Set(list));
  const causal = isCausalSelf(shape);
  return (query, key) =>
    causal && keyRegions[key] === queryRegions[query]
      ? key <= query
      : chosen[queryRegions[query]!]!.has(keyRegions[key]!);
}

function referenceRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  given: BiFormerParameters,
  rows: readonly number[],
): Tensor {
  const parameters = laidOut(shape, given);
  const { batch, heads, queries, headDim, valueDim } = shape;
  const output = zeros([batch, heads, rows.length, valueDim]);
  const factor = scaleOf(shape, parameters) * Math.sqrt(headDim);
  const blind = blindRows(shape);
  const seeing = { ...shape, batch: 1, queries: queries - blind };
  for (let b = 0; b < batch; b++) {
    const part = sequenceInputs(inputs, b, blind);
    const reads = routedReads(part, seeing, parameters);
    const scaled = tensor(
      part.query.shape,
      part.query.data.map((x) => x * factor),
    );
    const asked = rows.map((row) => row - blind).filter((row) => row >= 0);
    const result = softmaxRows({ ...part, query: scaled }, seeing, asked, {
      reads: (_head, query, key) => reads(query, key),
    });
    for (let h = 0; h < heads; h++) {
      const skipped = rows.length - asked.length;
      const from = h * asked.length * valueDim;
      output.data.set(
        result.data.subarray(from, from + asked.length * valueDim),
        ((b * heads + h) * rows.length + skipped) * valueDim,
      );
    }
  }
  if (parameters.local !== 'none') addLocal(output, inputs, shape, parameters, rows);
  return output;
}

/** Adds the depth-wise 5 x 5 convolution of the values on the grid, zeros beyond its edges. */
function addLocal(
  output: Tensor,
  { value, weights }: AttentionInputs,
  { batch, heads, keys, valueDim }: AttentionShape,
  { columns }: BiFormerParameters,
  rows: readonly number[],
): void {
  const [kernel, bias] = [weights['local.kernel']!.data, weights['local.bias']!.data];
  for (let h = 0; h < batch * heads; h++) {
    rows.forEach((position, at) => {
      for (let x = 0; x < valueDim; x++) {
        const channel = (h % heads) * valueDim + x;
        let sum = bias[channel]!;
        for (let tap = 0; tap < 25; tap++) {
          const row = Math.floor(position / columns) + Math.floor(tap / 5) - 2;
          const column = (position % columns) + (tap % 5) - 2;
          if (row < 0 || column < 0 || column >= columns || row >= keys / columns) continue;
          sum += kernel[channel * 25 + tap]! * value.data[(h * keys + row * columns + column) * valueDim + x]!;
        }
        output.data[(h * rows.length + at) * valueDim + x]! += sum;
      }
    });
  }
}
