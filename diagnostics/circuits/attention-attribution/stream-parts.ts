/**
 * The residual stream that enters a layer, at some rows of a run, as a sum of parts: embeddings, what each earlier head and each
 * MLP wrote, and biases. Norms behind a branch (Gemma 2) and on sums (OPT-350m, BERT) are frozen at the scale that they have in
 * the run, so that the parts stay a sum. In float64.
 */
import { object, oneOf, optional, whole } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import type { LayerTap } from '../../../models/instrument/taps';
import { addedAt, replacedAt } from '../../model-runner/stream-row';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { LayerResult } from '../../model-runner/run-request';
import type { Sequence } from '../../model-runner/sequence';
import type { LayerWeights, NormWeights } from '../../model-runner/weights';
import { headWrites } from '../../shared/weights/head-writes';
import { frozen, scaleOf } from '../../shared/weights/norms';

/**
 * `embedding`: token and position together, where they cannot be told apart; `bias`: of norms and projections, which belong to no
 * head; `replaced`: a stream that an intervention put in place, or a vector that it
 * added.
 */
export const streamPart = object({
  kind: oneOf(['token', 'position', 'embedding', 'head', 'mlp', 'bias', 'replaced']),
  layer: optional(whole),
  head: optional(whole),
});
export type StreamPart = Output<typeof streamPart>;

/** What a run has to keep. */
export const partTaps = (layer: number): readonly { readonly layer: number; readonly tap: LayerTap }[] => [
  ...Array.from({ length: layer }, (_, at) =>
    (['residual.input', 'attention.head_output', 'attention.output', 'mlp_output'] as const).map((tap) => ({
      layer: at,
      tap,
    })),
  ).flat(),
  ...(['residual.input', 'attention.query', 'attention.key'] as const).map((tap) => ({ layer, tap })),
];

/** The parts of every such stream of a model, in one order. */
export function partNames({ facts, weights }: ModelRunner, layer: number): readonly StreamPart[] {
  return [
    ...(weights.tokens?.addsPositions === true
      ? [{ kind: 'token' } as const, { kind: 'position' } as const]
      : [{ kind: 'embedding' } as const]),
    ...facts.blocks
      .slice(0, layer)
      .flatMap(({ heads }, at): StreamPart[] => [
        ...Array.from({ length: heads }, (_, head) => ({ kind: 'head' as const, layer: at, head })),
        { kind: 'mlp', layer: at },
      ]),
    { kind: 'bias' },
    { kind: 'replaced' },
  ];
}

type Parts = Map<StreamPart, Float64Array>;

export interface Rows {
  readonly sequence: Sequence;
  readonly variant: Variant;
  readonly layers: readonly LayerResult[];
  /** Rows that were kept, rising. */
  readonly kept: readonly number[];
}

/** One row of a tap [slots, rows, width], its slots one after another. */
export function tapRow({ layers, kept }: Pick<Rows, 'layers' | 'kept'>, layer: number, tap: LayerTap, row: number) {
  const tensor = layers[layer]?.taps[tap];
  const place = kept.indexOf(row);
  if (!(tensor?.data instanceof Float32Array) || place < 0) throw new RangeError(`layer ${layer} gave no ${tap}`);
  const { data } = tensor;
  const width = tensor.shape.at(-1) ?? 1;
  const slots = data.length / (width * kept.length);
  const out = new Float32Array(slots * width);
  for (let slot = 0; slot < slots; slot++) {
    const start = (slot * kept.length + place) * width;
    out.set(data.subarray(start, start + width), slot * width);
  }
  return out;
}

/** [parts of `names`][w] of each row of `wanted`. */
export async function streamParts(
  model: ModelRunner,
  rows: Rows,
  layer: number,
  names: readonly StreamPart[],
  wanted: readonly number[],
): Promise<readonly (readonly Float64Array[])[]> {
  const { facts } = model;
  const width = facts.hiddenSize;
  const all: Parts[] = [];
  for (const row of wanted) all.push(await embeddingParts(model, rows, names, row));
  for (let at = 0; at < layer; at++) {
    const weights = await model.weights.layer(at, ['gates']);
    const block = facts.blocks[at];
    if (!block) throw new RangeError(`no layer ${at}`);
    wanted.forEach((row, place) => {
      const parts = all[place] ?? new Map<StreamPart, Float64Array>();
      addLayer(parts, names, weights, { rows, layer: at, row, headDim: block.headDim });
      const added = addedAt(rows.variant, row, layer, width)[at];
      if (added) plus(parts, find(names, { kind: 'replaced' }), Float64Array.from(added));
      if (replacedAt(upTo(rows.variant, at), row, width) === at) {
        parts.clear();
        parts.set(find(names, { kind: 'replaced' }), Float64Array.from(tapRow(rows, at + 1, 'residual.input', row)));
      }
    });
  }
  return all.map((parts) => names.map((name) => parts.get(name) ?? new Float64Array(width)));
}

const upTo = (variant: Variant, layer: number): Variant =>
  changesOf(variant, 'replacement').filter((one) => one.layer <= layer);

function find(names: readonly StreamPart[], wanted: StreamPart): StreamPart {
  const found = names.find(
    ({ kind, layer, head }) => kind === wanted.kind && layer === wanted.layer && head === wanted.head,
  );
  if (!found) throw new RangeError(`there is no part ${JSON.stringify(wanted)}`);
  return found;
}

async function embeddingParts(
  { weights }: ModelRunner,
  rows: Rows,
  names: readonly StreamPart[],
  row: number,
): Promise<Parts> {
  const { sequence } = rows;
  const whole = Float64Array.from(tapRow(rows, 0, 'residual.input', row));
  const [first, second] = names;
  if (!first) throw new RangeError('a stream has no parts');
  const own = sequence.embeddings?.rows.includes(row) === true;
  if (first.kind !== 'token' || second?.kind !== 'position' || own || !weights.tokens) return new Map([[first, whole]]);
  const token = await weights.tokens.embedding(sequence.ids[row] ?? 0, 1);
  return new Map([
    [first, Float64Array.from(token)],
    [second, whole.map((value, i) => value - (token[i] ?? 0))],
  ]);
}

interface Place {
  readonly rows: Rows;
  readonly layer: number;
  readonly row: number;
  readonly headDim: number;
}

/** What a layer adds, and what the norms on its sums do to what was there. */
function addLayer(parts: Parts, names: readonly StreamPart[], weights: LayerWeights, place: Place): void {
  const { rows, layer, row } = place;
  const bias = find(names, { kind: 'bias' });
  const { attentionNorms, feedForwardNorms } = weights;
  for (const [name, part] of written(names, weights, place)) plus(parts, name, part);
  const whole = Float64Array.from(tapRow(rows, layer, 'residual.input', row));
  add(whole, tapRow(rows, layer, 'attention.output', row));
  through(attentionNorms.after, parts, bias, whole);
  const network = tapRow(rows, layer, 'mlp_output', row);
  plus(parts, find(names, { kind: 'mlp', layer }), Float64Array.from(network));
  add(whole, network);
  through(feedForwardNorms.after, parts, bias, whole);
}

function plus(parts: Parts, name: StreamPart, value: Float64Array): void {
  const before = parts.get(name);
  if (before) add(before, value);
  else parts.set(name, value);
}

function add(to: Float64Array, value: ArrayLike<number>): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] ?? 0) + (value[i] ?? 0);
}

/** All parts, and the whole, through a norm on their sum. */
function through(norm: NormWeights | undefined, parts: Parts, bias: StreamPart, whole: Float64Array): void {
  if (!norm) return;
  const scale = scaleOf(norm, whole);
  for (const [name, part] of parts) parts.set(name, frozen(norm, part, scale));
  if (norm.bias) plus(parts, bias, Float64Array.from(norm.bias));
  whole.set(frozen(norm, whole, scale));
  if (norm.bias) add(whole, norm.bias);
}

/** What each head of a layer and its biases write at the row. */
function written(
  names: readonly StreamPart[],
  weights: LayerWeights,
  { rows, layer, row, headDim }: Place,
): readonly (readonly [StreamPart, Float64Array])[] {
  const { heads, bias } = headWrites(weights, tapRow(rows, layer, 'attention.head_output', row), headDim);
  return [
    ...heads.map((part, head) => [find(names, { kind: 'head', layer, head }), part] as const),
    [find(names, { kind: 'bias' }), bias],
  ];
}
