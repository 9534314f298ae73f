/**
 * OAT from the features of its objects to where each step looks next: tokens [features; position code], an encoder over objects and
 * target, a decoder over the fixations so far, the pointer.
 */
import { add, equal, multiply, subtract, where } from '../../graph/operators/elementwise';
import { concat, gather, reshape } from '../../graph/operators/layout';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { joined, mapped, sum } from '../../module-parts/layers';
import { zeros, type Tensor } from '../../tensors/tensor';
import {
  pointerGraph,
  pointerLogits,
  pointerMultiplyAdds,
  pointerWeights,
  pointerShares,
  sharesGraph,
} from './pointer';
import { codeOf, sinusoidalTable, tableFor } from './positions';
import {
  decoderLayer,
  decoderLayerGraph,
  decoderMultiplyAdds,
  decoderWeights,
  encoderLayer,
  encoderLayerGraph,
  encoderMultiplyAdds,
  encoderWeights,
  type LayerSize,
} from './transformer';

export interface OatSize extends LayerSize {
  readonly rows: number;
  readonly columns: number;
  readonly steps: number;
  readonly layers: number;
  readonly heads: number;
  readonly positions: string;
  /** Whether the target token has the place of the target, as released. */
  readonly targetPlace: string;
  readonly batch: number;
}

export const objectsOf = ({ rows, columns }: Pick<OatSize, 'rows' | 'columns'>): number => rows * columns;

/** Added to scores of what must not be read: its exponential is exactly 0, and float16 holds it. */
const hidden = 1e4;

const prefixes = (part: 'encoder' | 'decoder', { layers }: OatSize): readonly string[] =>
  Array.from({ length: layers }, (_, at) => `transformer_${part}.layers.${at}.`);

export const oatWeights = (size: OatSize): readonly ModuleWeight[] => [
  ...prefixes('encoder', size).flatMap((prefix) => encoderWeights(prefix, size)),
  ...prefixes('decoder', size).flatMap((prefix) => decoderWeights(prefix, size)),
  ...pointerWeights(size),
];

/** Codes of every cell, row by row, and of the middle of the grid, where a path begins: [P + 1, width / 2]. */
function cellCodes(size: OatSize, flag: 0 | 1): Tensor {
  const { rows, columns, width } = size;
  const half = width / 2;
  const table = tableFor(size.positions, rows, columns, half);
  const codes = zeros([objectsOf(size) + 1, half]);
  for (let at = 0; at < objectsOf(size); at++) {
    codes.data.set(codeOf(table, Math.floor(at / columns), at % columns, flag, half), at * half);
  }
  codes.data.set(codeOf(table, Math.floor(rows / 2), Math.floor(columns / 2), flag, half), objectsOf(size) * half);
  return codes;
}

/** `objects` [b, P, w], `target` and `blank` [b, 1, w], `there` [b, P], `fixations` [b, T], `place` [b, 1]; w = width / 2. */
function tokens(inputs: Tensors, size: OatSize): { readonly encoder: Tensor; readonly decoder: Tensor } {
  const { batch, steps, width } = size;
  const [count, half] = [objectsOf(size), width / 2];
  const [unmarked, marked] = [cellCodes(size, 0), cellCodes(size, 1)];
  const code = (of: Tensor, at: number) => of.data.subarray(at * half, (at + 1) * half);
  const features = joined([inputs['objects']!, inputs['blank']!], 1);
  const encoder = zeros([batch, count + 1, width]);
  const decoder = zeros([batch, steps, width]);
  for (let b = 0; b < batch; b++) {
    const place = inputs['place']!.data[b]!;
    const put = (to: Tensor, row: number, feature: Float64Array, position: Float64Array) => {
      to.data.set(feature, row * width);
      to.data.set(position, row * width + half);
    };
    const feature = (at: number) =>
      features.data.subarray((b * (count + 1) + at) * half, (b * (count + 1) + at + 1) * half);
    for (let at = 0; at < count; at++) put(encoder, b * (count + 1) + at, feature(at), code(unmarked, at));
    const target = inputs['target']!.data.subarray(b * half, (b + 1) * half);
    const known = size.targetPlace === 'given' ? code(marked, place) : new Float64Array(half);
    put(encoder, b * (count + 1) + count, target, known);
    for (let step = 0; step < steps; step++) {
      const at = inputs['fixations']!.data[b * steps + step]!;
      put(decoder, b * steps + step, feature(at), code(at === place ? marked : unmarked, at));
    }
  }
  const order = sinusoidalTable(steps, width).data;
  return { encoder, decoder: mapped(decoder, (value, at) => value + order[at % order.length]!) };
}

export function oatReference(
  { inputs, weights }: { readonly inputs: Tensors; readonly weights: Tensors },
  size: OatSize,
): Tensors {
  const there = inputs['there']!;
  const count = objectsOf(size);
  const padding = (sample: number, _: number, key: number) =>
    key < count && there.data[sample * count + key] === 0 ? Number.NEGATIVE_INFINITY : 0;
  const given = tokens(inputs, size);
  const { attentionHeads } = size;
  const memory = prefixes('encoder', size).reduce(
    (x, prefix) => encoderLayer(x, weights, prefix, attentionHeads, padding),
    given.encoder,
  );
  const decoded = prefixes('decoder', size).reduce(
    (x, prefix) => decoderLayer(x, memory, weights, prefix, attentionHeads, padding),
    given.decoder,
  );
  const logits = pointerLogits(decoded, memory, weights, size);
  const ones = mapped(zeros([size.batch, 1]), () => 1);
  // A search does not end before its first fixation.
  const late = mapped(zeros(logits.shape), (_, at) => {
    const step = Math.floor(at / (count + 2)) % size.steps;
    return step === 0 && at % (count + 2) === count ? -hidden : 0;
  });
  return { logits, shares: pointerShares(sum(logits, late), joined([there, ones], 1)) };
}

function tokensGraph(graph: ModuleGraph, size: OatSize): { readonly encoder: Value; readonly decoder: Value } {
  const { batch, steps, width } = size;
  const [count, half] = [objectsOf(size), width / 2];
  const [objects, target, blank] = ['objects', 'target', 'blank'].map((name) => graph.input(name)) as [
    Value,
    Value,
    Value,
  ];
  const [fixations, place] = [graph.input('fixations'), graph.input('place')];
  const [unmarked, marked] = ([0, 1] as const).map((flag) =>
    graph.constant([count + 1, half], cellCodes(size, flag).data),
  ) as [Value, Value];
  const repeated = new Float64Array(batch * count * half);
  const cells = cellCodes(size, 0).data.subarray(0, count * half);
  for (let b = 0; b < batch; b++) repeated.set(cells, b * count * half);
  const known =
    size.targetPlace === 'given'
      ? gather(marked, place)
      : graph.constant([batch, 1, half], new Float64Array(batch * half));
  const encoder = concat(
    [concat([objects, graph.constant([batch, count, half], repeated)], 2), concat([target, known], 2)],
    1,
  );
  const starts = objects.graph.constant(
    'int64',
    [batch, 1],
    Array.from({ length: batch }, (_, b) => b * (count + 1)),
  );
  const features = reshape(concat([objects, blank], 1), [batch * (count + 1), half]);
  const isTarget = reshape(equal(fixations, place), [batch, steps, 1]);
  const codes = where(isTarget, gather(marked, fixations), gather(unmarked, fixations));
  const order = graph.constant([steps, width], sinusoidalTable(steps, width).data);
  return { encoder, decoder: add(concat([gather(features, add(fixations, starts)), codes], 2), order) };
}

export function oatGraph(graph: ModuleGraph, size: OatSize): Readonly<Record<'logits' | 'shares', Value>> {
  const { batch, steps, attentionHeads } = size;
  const count = objectsOf(size);
  const there = concat([graph.input('there'), graph.constant([batch, 1], new Float64Array(batch).fill(1))], 1);
  const padding = reshape(multiply(subtract(there, 1), hidden), [batch, 1, 1, count + 1]);
  const future = Float64Array.from({ length: steps * steps }, (_, at) =>
    at % steps > Math.floor(at / steps) ? -hidden : 0,
  );
  const causal = graph.constant([1, 1, steps, steps], future);
  const given = tokensGraph(graph, size);
  const memory = prefixes('encoder', size).reduce(
    (x, prefix) => encoderLayerGraph(graph, x, prefix, attentionHeads, padding),
    given.encoder,
  );
  const decoded = prefixes('decoder', size).reduce(
    (x, prefix) => decoderLayerGraph(graph, x, memory, prefix, attentionHeads, { causal, memory: padding }),
    given.decoder,
  );
  const logits = pointerGraph(graph, decoded, memory, size);
  const late = new Float64Array(steps * (count + 2));
  late[count] = -hidden;
  return { logits, shares: sharesGraph(graph, add(logits, graph.constant([steps, count + 2], late)), there) };
}

/** Multiply-adds for one sample. */
export function oatMultiplyAdds(size: OatSize): number {
  const n = objectsOf(size) + 1;
  return (
    size.layers * (encoderMultiplyAdds(n, size) + decoderMultiplyAdds(size.steps, n, size)) +
    pointerMultiplyAdds(size.steps, n, size)
  );
}
