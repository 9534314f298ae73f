/**
 * Complex-vector attention in the runtime. Since cos(a - b) is a product of two points of the circle, the score is the plain
 * product of a query and a key that are remapped one by one:
 *   q^ = r (cos, sin)(delta theta + b + position g),   k^ = r (cos, sin)(delta theta + position g).
 * Form `factored` does that, and any kernel of plain attention follows; `naive` makes the cosine of every pair and plane.
 */
import type { AttentionValues } from '../../graph/attention-graph';
import { add, cast, cosine, less, multiply, sine, subtract, where } from '../../graph/operators/elementwise';
import { scan } from '../../graph/operators/control';
import { concat, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import { reduceSum, softmax } from '../../graph/operators/reduce';
import { polarOf, type Polar } from '../../graph/polar';
import type { Value } from '../../graph/records';
import { rotateRows } from '../../graph/rotary-rows';
import { integers } from '../../integers';
import { isCausalSelf, type AttentionShape } from '../../shape';
import { spreadHeads } from '../lightning/rotation';
import { causalInTiles, exactTiles, unmaskedInTiles } from '../tiled';
import { epsilon, firstPosition, planeAngles, scaleOf, type CmhaParameters } from './definition';

/** Queries whose cosines the naive form holds at a time, as in the authors' code. */
export const naiveRows = 8;

/** Magnitudes and angles [..., d / 2] of the planes of [..., d]. */
function planesOf(x: Value): Polar {
  const axis = x.shape.length - 1;
  const half = Number(x.shape[axis]) / 2;
  return polarOf(slice(x, axis, 0, half), slice(x, axis, half), epsilon);
}

interface Weights {
  readonly delta: Value;
  readonly b: Value;
}

/** Magnitudes and phases of queries and keys, without their positions, for every query head. */
function sidesOf({ query, key }: Sides, { heads, headDim }: AttentionShape, weights: Weights) {
  const single = (x: Value) => cast(x, 'float32');
  const perHead = (x: Value) => reshape(single(x), [heads, 1, headDim / 2]);
  const [delta, b] = [perHead(weights.delta), perHead(weights.b)];
  const q = planesOf(single(query));
  const k = planesOf(single(key));
  return {
    query: { radius: q.radius, angle: add(multiply(q.angle, delta), b) },
    // Key angles are turned by the delta of each query head.
    key: { radius: spreadHeads(k.radius, heads), angle: multiply(spreadHeads(k.angle, heads), delta) },
  };
}

type Sides = Pick<AttentionValues, 'query' | 'key'>;

const positionsOf = (shape: AttentionShape) => {
  const first = firstPosition(shape);
  return { query: integers(first, first + shape.queries), key: integers(0, shape.keys) };
};

/**
 * Queries [b, h, n, d] and keys [b, h, m, d] whose plain attention, with scores divided by sqrt(d), is that of the mechanism. Angles and
 * phases in float32 whatever the precision.
 */
export function remapped(values: Sides, shape: AttentionShape, parameters: CmhaParameters, weights: Weights): Sides {
  const { query, key } = sidesOf(values, shape, weights);
  const at = positionsOf(shape);
  const point = ({ radius, angle }: Polar, positions: readonly number[]): Value =>
    rotateRows(concat([multiply(radius, cosine(angle)), multiply(radius, sine(angle))], 3), positions, parameters.base);
  const scale = scaleOf(shape, parameters) * shape.headDim ** 0.5;
  return {
    query: cast(multiply(point(query, at.query), scale), values.query.type),
    key: cast(point(key, at.key), values.key.type),
  };
}

/** Heads-first output [b, h, n, dv]; n <= m where it is causal. */
export function cmhaGraph(
  values: AttentionValues,
  shape: AttentionShape,
  parameters: CmhaParameters,
  weights: Weights,
): Value {
  const { heads, headDim } = shape;
  const { value } = values;
  if (parameters.form === 'naive') {
    const { query, key } = sidesOf(values, shape, weights);
    const at = positionsOf(shape);
    const turned = ({ radius, angle }: Polar, positions: readonly number[]): Polar => ({
      radius,
      angle: add(angle, turns(angle, positions, headDim, parameters)),
    });
    const sides = { query: turned(query, at.query), key: turned(key, at.key) };
    const own = spreadHeads(cast(value, 'float32'), heads);
    return cast(pairByPair(sides, own, shape, scaleOf(shape, parameters)), value.type);
  }
  const { query, key } = remapped(values, shape, parameters, weights);
  const own: AttentionShape = { ...shape, kvHeads: heads };
  return (isCausalSelf(shape) ? causalInTiles : unmaskedInTiles)(
    query,
    key,
    spreadHeads(value, heads),
    own,
    exactTiles,
  );
}

/** position g_i within a turn, [positions, d / 2]: in float32 the whole angle of a late position would lose its end. */
const turns = (like: Value, positions: readonly number[], width: number, { base }: CmhaParameters): Value =>
  like.graph.constant(
    'float32',
    [positions.length, width / 2],
    positions.flatMap((position) => planeAngles(width, base).map((angle) => (position * angle) % (2 * Math.PI))),
  );

/** Eight queries after eight: cosines [b, h, 8, m, d / 2], summed over the planes, masked, and a softmax over the keys. */
function pairByPair(
  { query, key }: { readonly query: Polar; readonly key: Polar },
  value: Value,
  shape: AttentionShape,
  scale: number,
): Value {
  const { batch, heads, queries, keys, headDim, valueDim } = shape;
  const steps = Math.ceil(queries / naiveRows);
  const cut = (x: Value): Value => {
    const padded = pad(x, 2, 0, steps * naiveRows - queries);
    const apart = reshape(padded, [batch, heads, steps, naiveRows, headDim / 2]);
    return transpose(apart, [2, 0, 1, 3, 4]);
  };
  const { graph } = value;
  const first = firstPosition(shape);
  const places = graph.constant('float32', [steps, naiveRows, 1], integers(first, first + steps * naiveRows));
  const keyPlaces = graph.constant('float32', [1, keys], integers(0, keys));
  const [keyAngle, keyRadius] = [unsqueeze(key.angle, 2), unsqueeze(key.radius, 2)];
  const { outputs } = scan([], [cut(query.angle), cut(query.radius), places], (_, [angle, radius, place]) => {
    const cosines = cosine(subtract(unsqueeze(angle!, 3), keyAngle));
    const magnitudes = multiply(unsqueeze(radius!, 3), keyRadius);
    const scores = multiply(reduceSum(multiply(cosines, magnitudes), [4], false), scale);
    const masked = isCausalSelf(shape) ? where(less(place!, keyPlaces), -Infinity, scores) : scores;
    return { states: [], outputs: [matmul(softmax(masked), value)] };
  });
  const rows = reshape(transpose(outputs[0]!, [1, 2, 0, 3, 4]), [batch, heads, steps * naiveRows, valueDim]);
  return slice(rows, 2, 0, queries);
}
