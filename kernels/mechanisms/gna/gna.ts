import { tiledCost } from '../../cost/attention';
import { additiveMask, attentionGraph, groupQueries } from '../../graph/attention-graph';
import { add } from '../../graph/operators/elementwise';
import { concat, gather, reshape, transpose } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { integers } from '../../integers';
import type { Mechanism, Parameter } from '../../mechanism';
import { allRows, softmaxRows } from '../../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { readsAlong, type Axis } from './axis';
import { neighbourhoodDecoding } from './decode';
import { productsOf, tileLength, tileSums, tilesOf, type Tile } from './tiles';
import * as field from '../../parameters';

export interface GnaParameters extends Record<string, number | string | boolean> {
  readonly rank: '1' | '2' | '3';
  readonly height: number;
  readonly width: number;
  readonly windowDepth: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideDepth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly dilationDepth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly causalDepth: boolean;
  readonly causalHeight: boolean;
  readonly causalWidth: boolean;
  readonly text: number;
}

const axisNames = ['Depth', 'Height', 'Width'] as const;

/**
 * Sizes of the grid, outermost first: the given height and width (rank 3), the given width (rank 2), or where they are 0 the
 * most even way to write the length as a product. Undefined when the given sizes do not divide the length.
 */
export function gridOf(length: number, { rank, height, width }: GnaParameters): readonly number[] | undefined {
  if (rank === '1') return [length];
  const columns = width || divisorNear(length, length ** (1 / Number(rank)));
  if (length % columns !== 0) return undefined;
  if (rank === '2') return [length / columns, columns];
  const rows = height || divisorNear(length / columns, Math.sqrt(length / columns));
  if (length % (columns * rows) !== 0) return undefined;
  return [length / columns / rows, rows, columns];
}

/** The nearest length that the given height and width allow, in words; nothing when that is longer than twice the given. */
function nearestGrid(length: number, parameters: GnaParameters): string {
  const nearest = integers(1, length)
    .flatMap((step) => [length - step, length + step])
    .find((other) => gridOf(other, parameters));
  return nearest === undefined ? '' : `take ${nearest}, the nearest that fits, or `;
}

/** The smallest divisor that is not below `wanted`, which is 1 at least and may be rounded up. */
function divisorNear(length: number, wanted: number): number {
  let divisor = Math.ceil(wanted - 1e-9);
  while (length % divisor !== 0) divisor++;
  return divisor;
}

/**
 * The axes of the grid with the parameters brought into their ranges: a dilation of at most the axis, a window of at most the
 * positions of a dilation group, a stride of at most the window. In causal self-attention every axis is causal.
 */
export function axesOf(shape: AttentionShape, parameters: GnaParameters): readonly Axis[] {
  const sizes = gridOf(shape.keys - parameters.text, parameters) ?? [];
  return sizes.map((size, at) => {
    const name = axisNames[3 - sizes.length + at]!;
    const dilation = Math.min(parameters[`dilation${name}`], size);
    const window = Math.min(parameters[`window${name}`], Math.floor(size / dilation));
    const stride = Math.min(parameters[`stride${name}`], window);
    return { size, dilation, window, stride, causal: isCausalSelf(shape) || parameters[`causal${name}`] };
  });
}

function readsOf(
  shape: AttentionShape,
  parameters: GnaParameters,
): (head: number, query: number, key: number) => boolean {
  const axes = axesOf(shape, parameters);
  const offset = queryOffset(shape);
  const cells = shape.keys - parameters.text;
  return (_head, query, key) => {
    if (query + offset < 0) return false;
    if (query + offset >= cells || key >= cells) return true;
    let [q, k] = [query + offset, key];
    for (let at = axes.length - 1; at >= 0; at--) {
      const axis = axes[at]!;
      if (!readsAlong(axis, q % axis.size, k % axis.size)) return false;
      q = Math.floor(q / axis.size);
      k = Math.floor(k / axis.size);
    }
    return true;
  };
}

function graphOutput(query: Value, key: Value, value: Value, shape: AttentionShape, tiles: readonly Tile[]): Value {
  const { batch, kvHeads, heads, headDim, valueDim } = shape;
  const group = heads / kvHeads;
  const offset = queryOffset(shape);
  const grouped = groupQueries(query, shape);
  const masks = new Map<string, Value>();
  const index = (lists: readonly (readonly number[])[]): Value =>
    key.graph.constant('int64', [lists.length, lists[0]!.length], lists.flat());
  const products = productsOf(tiles);
  const parts = products.map((alike) => {
    const [first] = alike as readonly [Tile];
    const [rows, columns, count] = [first.queries.length, first.keys.length, alike.length];
    const queries = gather(grouped, index(alike.map((tile) => tile.queries.map((position) => position - offset))), 3); // [b, hkv, g, tiles, rows, d]
    const apart = group === 1 || count === 1 ? queries : transpose(queries, [0, 1, 3, 2, 4, 5]);
    const keys = index(alike.map((tile) => tile.keys));
    const scores = fusedMatmul(reshape(apart, [batch, kvHeads, count, group * rows, headDim]), gather(key, keys, 2), {
      transposeB: true,
      scale: headDim ** -0.5,
    });
    const masked = first.reads
      ? add(reshape(scores, [batch, kvHeads, count, group, rows, columns]), maskOf(first))
      : scores;
    const output = matmul(softmax(reshape(masked, scores.shape)), gather(value, keys, 2));
    const split = reshape(output, [batch, kvHeads, count, group, rows, valueDim]);
    const back = group === 1 || count === 1 ? split : transpose(split, [0, 1, 3, 2, 4, 5]);
    return reshape(back, [batch, heads, count * rows, valueDim]);

    function maskOf(tile: Tile): Value {
      const mask = masks.get(tile.name) ?? additiveMask(scores, rows, columns, tile.reads!);
      masks.set(tile.name, mask);
      return mask;
    }
  });
  const order = products.flat().flatMap((tile) => tile.queries);
  const places = new Array<number>(shape.queries);
  order.forEach((position, place) => (places[position - offset] = place));
  const joined = concat(parts, 2);
  return places.every((place, at) => place === at)
    ? joined
    : gather(joined, key.graph.constant('int64', [places.length], places), 2);
}

const perAxis = (title: string, description: string, min: number, max: number, value: number): Parameter =>
  field.integer(title, description, { min, max, default: value });

const windowOf = (axis: string): Parameter =>
  perAxis(`Window, ${axis}`, `Keys that a query reads along the ${axis}; cut down to the axis.`, 1, 1 << 20, 16);
const strideOf = (axis: string): Parameter =>
  perAxis(
    `Stride, ${axis}`,
    'Neighbouring queries that share a window: 1 slides, the window itself makes blocks.',
    1,
    1 << 20,
    1,
  );
const dilationOf = (axis: string): Parameter =>
  perAxis(`Dilation, ${axis}`, 'Distance between the keys of a window.', 1, 1 << 20, 1);
const causalOf = (axis: string): Parameter =>
  field.flag(
    `Causal, ${axis}`,
    `Whether keys after the query along the ${axis} are hidden; always so in causal self-attention.`,
    false,
  );

export const gna: Mechanism<GnaParameters> = {
  id: 'gna',
  title: 'Generalized neighborhood attention',
  family: 'sparse',
  summary:
    'Tokens on a line, a grid or a volume read their neighbourhood: a window along each axis that slides (stride 1), jumps (stride) or is a block (stride = window). Cost grows with the tokens times the window, and with the overlap of tiles at small strides.',
  source: {
    reference: 'arXiv:2504.16922, section 3; released code SHI-Labs/NATTEN (reference mask)',
    trust: 'high',
    note: 'Windows, strides and dilations that exceed an axis are cut down to it. In causal self-attention every axis is causal, so that no query reads a later position of the flattened grid. Without given sizes the grid is the most even factorisation of the length. Text tokens are NATTEN’s additional keys; here they ask too and read everything, as in joint attention.',
  },
  template: {
    projected: 'nothing',
    scores: 'q·k / √d',
    positions: { words: 'a window along each axis of a line, grid or volume', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'sparse',
    state: { words: 'keys and values of all positions, of which one neighbourhood is read', grows: true },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'keys and values of a margin of one window along the axes that are cut',
    },
  },
  parameters: {
    rank: field.choice('Rank', 'Axes of the grid: a sequence, an image or a video.', {
      options: ['1', '2', '3'],
      default: '2',
    }),
    height: perAxis('Height', 'Rank 3: rows of the grid; 0 lets the length decide.', 0, 1 << 20, 0),
    width: perAxis('Width', 'Rank 2 and 3: columns of the grid; 0 lets the length decide.', 0, 1 << 20, 0),
    windowDepth: windowOf('depth'),
    windowHeight: windowOf('height'),
    windowWidth: windowOf('width'),
    strideDepth: strideOf('depth'),
    strideHeight: strideOf('height'),
    strideWidth: strideOf('width'),
    dilationDepth: dilationOf('depth'),
    dilationHeight: dilationOf('height'),
    dilationWidth: dilationOf('width'),
    causalDepth: causalOf('depth'),
    causalHeight: causalOf('height'),
    causalWidth: causalOf('width'),
    text: perAxis(
      'Text tokens',
      'The last tokens are text, no cells of the grid: every query reads them, and they read everything.',
      0,
      1 << 20,
      0,
    ),
  },
  layout: 'heads-first',
  exponent: 1,
  supports(shape, parameters) {
    if (shape.pattern === 'noncausal-cross' || shape.pattern === 'causal-cross') {
      return { ok: false, why: 'A neighbourhood needs queries and keys on one grid: cross attention has two.' };
    }
    if (shape.pattern === 'noncausal-self' && shape.queries !== shape.keys) {
      return {
        ok: false,
        why: `A neighbourhood needs one query for each token of the grid: ${shape.queries} queries have ${shape.keys} keys.`,
      };
    }
    const { text } = parameters;
    if (text > 0 && isCausalSelf(shape)) {
      return {
        ok: false,
        why: 'Every token of the grid reads the text tokens after it: causal attention has none, set text tokens to 0.',
      };
    }
    if (text >= shape.keys) {
      return {
        ok: false,
        why: `The ${text} text tokens leave no token for the grid among ${shape.keys}: take fewer.`,
      };
    }
    const cells = shape.keys - text;
    if (!gridOf(cells, parameters)) {
      return {
        ok: false,
        why: `No grid of rank ${parameters.rank} with the given height and width holds ${cells} tokens: ${nearestGrid(cells, parameters)}set them to 0 or to divisors.`,
      };
    }
    return { ok: true };
  },
  reference: (inputs, shape, parameters) =>
    softmaxRows(inputs, shape, allRows(shape), { reads: readsOf(shape, parameters) }),
  referenceRows: (inputs, shape, parameters, rows) =>
    softmaxRows(inputs, shape, rows, { reads: readsOf(shape, parameters) }),
  build: (full, parameters, precision) =>
    attentionGraph('gna', full, precision, 'heads-first', ({ query, key, value }, shape) =>
      graphOutput(query, key, value, shape, tilesOf(shape, axesOf(shape, parameters), parameters.text)),
    ),
  cost(shape, parameters) {
    const seeing = { ...shape, queries: Math.min(shape.queries, shape.keys) };
    const { pairs, copiedKeys, mostRows, mostKeys } = tileSums(seeing, axesOf(seeing, parameters), parameters.text);
    return tiledCost(shape, {
      pairs,
      copiedKeys,
      tileRows: mostRows,
      tileKeys: mostKeys,
      // The parts of the output in the order of the tiles, before they are laid out row by row.
      workBytes: 4 * shape.batch * shape.heads * shape.queries * shape.valueDim,
    });
  },
  pattern(shape, parameters) {
    // With text tokens the whole is neither a grid nor cut into tiles of neighbouring positions.
    if (parameters.text > 0) return { dependsOnData: false, reads: readsOf(shape, parameters) };
    const axes = axesOf(shape, parameters);
    const [axis] = axes;
    const length = axes.length === 1 && axis && axis.dilation === 1 ? tileLength(axis, 1, 0) : undefined;
    return {
      dependsOnData: false,
      ...(isCausalSelf(shape) ? { dependsOnLength: true } : {}),
      reads: readsOf(shape, parameters),
      // On a grid the tiles are no intervals of the flattened positions.
      ...(length === undefined ? {} : { block: { queries: length, keys: length } }),
      ...(axes.length === 1
        ? {}
        : {
            grid: {
              axes: axes.map((each) => ({
                size: each.size,
                reads: (query, key) => readsAlong(each, query, key),
              })),
              ...(axes.every(({ dilation }) => dilation === 1)
                ? { tile: axes.map((each, at) => tileLength(each, axes.length, at)) }
                : {}),
            },
          }),
    };
  },
  decode: neighbourhoodDecoding({
    readsOf,
    hasGrid: (length, parameters: GnaParameters) => gridOf(length, parameters) !== undefined,
  }),
  limits: [
    {
      name: 'windows over the whole grid',
      parameters: (shape) => ({
        rank: shape.pattern === 'causal-self' ? '1' : '2',
        windowHeight: shape.keys,
        windowWidth: shape.keys,
        strideWidth: shape.pattern === 'causal-self' ? 1 : 3,
      }),
      equals: 'scaled-dot-product',
    },
  ],
};
