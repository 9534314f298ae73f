/** The graph of isolation and reposition attention: boxes and moved rows are found in the graph, so masks are inputs. */
import {
  add,
  and,
  cast,
  clip,
  divide,
  equal,
  floor,
  greater,
  less,
  multiply,
  not,
  subtract,
  where,
} from '../../graph/operators/elementwise';
import { concat, expand, gather, reshape, transpose } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import { reduceMax, reduceMin, reduceSum, softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { ModuleGraph } from '../../module';
import { linearLayer } from '../../module-parts/graph';
import { keptTokens, type IsolationParameters } from './definition';

/** Far below any score, and a number of float16. */
const shut = -30_000;

function disjointGraph(masks: Value, subjects: number): Value {
  const areas = reduceSum(masks, [1, 2]);
  const parts = Array.from({ length: subjects }, (_, s) => gather(masks, masks.graph.constant('int64', [1], [s])));
  const area = (s: number): Value => gather(areas, masks.graph.constant('int64', [1], [s]));
  return concat(
    parts.map((part, s) =>
      parts.reduce((left, other, t) => {
        if (t === s) return left;
        const wins = t < s ? not(less(area(t), area(s))) : greater(area(t), area(s));
        return where(and(wins, greater(other, 0)), 0, left);
      }, part),
    ),
    0,
  );
}

/** First and last row (axis 1) or column (axis 2) of each mask [S, h, w], [S, 1]; of an empty one the last is -1. */
function ends(graph: ModuleGraph, mask: Value, axis: 1 | 2): { readonly first: Value; readonly size: Value } {
  const length = Number(mask.shape[axis]);
  const some = greater(reduceMax(mask, [3 - axis], false), 0);
  const places = graph.constant(
    [1, length],
    Array.from({ length }, (_, at) => at),
  );
  const first = reduceMin(where(some, places, length), [1]);
  const last = reduceMax(where(some, places, -1), [1]);
  return { first, size: add(subtract(last, first), 1) };
}

/** Source places along one axis of every target place [S, length], and whether the target's box holds it. */
function along(
  graph: ModuleGraph,
  source: Value,
  target: Value,
  axis: 1 | 2,
): { readonly from: Value; readonly inside: Value } {
  const length = Number(source.shape[axis]);
  const [a, b] = [ends(graph, source, axis), ends(graph, target, axis)];
  const place = subtract(
    graph.constant(
      [1, length],
      Array.from({ length }, (_, at) => at),
    ),
    b.first,
  );
  // Half a step above the whole number that rounding might miss.
  const scaled = floor(divide(add(multiply(place, a.size), 0.5), clip(b.size, 1, undefined)));
  const from = clip(add(scaled, a.first), 0, length - 1);
  return { from, inside: and(greater(place, -0.5), less(place, b.size)) };
}

function repositionGraph(graph: ModuleGraph, given: Value, sources: Value, regions: Value) {
  const [subjects, height, width] = sources.shape.map(Number) as [number, number, number];
  const [n, channels] = [height * width, Number(given.shape[2])];
  const [rows, columns] = [along(graph, sources, regions, 1), along(graph, sources, regions, 2)];
  const tall = (x: Value): Value => reshape(x, [subjects, height, 1]);
  const wide = (x: Value): Value => reshape(x, [subjects, 1, width]);
  const offset = graph.constant(
    [subjects, 1, 1],
    Array.from({ length: subjects }, (_, s) => s * n),
  );
  const index = (x: Value): Value => cast(x, 'int64');
  const place = add(add(multiply(index(tall(rows.from)), width), index(wide(columns.from))), cast(offset, 'int64'));
  const flat = reshape(place, [subjects * n]);
  const empty = less(reduceMax(regions, [1, 2]), 0.5);
  const inside = and(tall(rows.inside), wide(columns.inside));
  const movedMask = where(inside, reshape(gather(reshape(sources, [subjects * n]), flat), sources.shape), 0);
  const mask = where(empty, sources, movedMask);
  const moved = reshape(gather(reshape(given, [subjects * n, channels]), flat), given.shape);
  const masked = multiply(moved, reshape(movedMask, [subjects, n, 1]));
  return { moved: where(empty, given, masked), mask: reshape(mask, [subjects, n]) };
}

export function isolationGraph(graph: ModuleGraph, parameters: IsolationParameters): Readonly<Record<string, Value>> {
  const { isolate, references, lambda, dropout, subjects, height, width, channels, heads } = parameters;
  const n = height * width;
  const target = graph.input('target');
  const sources = graph.input('sources');
  const regions = disjointGraph(graph.input('regions'), subjects);
  const flat = reshape(regions, [subjects, n]);
  const given = graph.input('references');
  const borrowed =
    references === 'none'
      ? undefined
      : references === 'reposition'
        ? repositionGraph(graph, given, sources, regions)
        : { moved: given, mask: reshape(sources, [subjects, n]) };
  const others = borrowed ? subjects : 0;
  const all = (others + 1) * n;
  const tokens = borrowed ? concat([reshape(borrowed.moved, [1, subjects * n, channels]), target], 1) : target;
  const project = (x: Value, name: string): Value => {
    const rows = linearLayer(x, graph.weight(`${name}.weight`));
    return transpose(reshape(rows, [1, Number(x.shape[1]), heads, channels / heads]), [0, 2, 1, 3]);
  };
  const [q, k, v] = [project(target, 'to_q'), project(tokens, 'to_k'), project(tokens, 'to_v')];
  const numbers = graph.constant(
    [subjects, 1],
    Array.from({ length: subjects }, (_, s) => s + 1),
  );
  const owner = reduceSum(multiply(flat, numbers), [0]);
  const [reading, read] = [reshape(owner, [n, 1]), owner];
  const apart = and(and(greater(reading, 0), greater(read, 0)), not(equal(reading, read)));
  const own = isolate ? where(apart, graph.constant([1, 1], [shut]), 0) : expand(graph.constant([1, 1], [0]), [n, n]);
  const biases: Value[] = [];
  if (borrowed) {
    const kept = multiply(flat, graph.constant([subjects, n], keptTokens(subjects, n, dropout).data));
    const reads = where(greater(reduceMax(kept, [1]), 0), kept, flat);
    const allowed = and(
      greater(reshape(reads, [subjects, n, 1]), 0),
      greater(reshape(borrowed.mask, [subjects, 1, n]), 0),
    );
    const bias = where(allowed, graph.constant([1, 1, 1], [lambda]), shut);
    biases.push(reshape(transpose(bias, [1, 0, 2]), [n, subjects * n]));
  }
  const bias = concat([...biases, own], 1);
  const scores = fusedMatmul(q, k, { transposeB: true, scale: 1 / Math.sqrt(channels / heads) });
  const attention = softmax(add(scores, reshape(bias, [1, 1, n, all])));
  const mixed = reshape(transpose(fusedMatmul(attention, v), [0, 2, 1, 3]), [1, n, channels]);
  return {
    output: linearLayer(mixed, graph.weight('to_out.0.weight'), graph.weight('to_out.0.bias')),
    attention,
  };
}
