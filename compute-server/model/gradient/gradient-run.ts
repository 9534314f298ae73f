/**
 * Gradients of a run, layer by layer with recomputation: the forward pass keeps the stream that enters each layer, and the way
 * back builds one layer at a time again from it. Memory grows with layers times rows, never with rows squared; inside a layer the
 * chunks of queries go from the last to the first, each passing the gradient of earlier keys and values back.
 */
import { changesOf, firstChangedLayer } from '../../../models/instrument/changes/changes';
import type {
  GradientRequest,
  GradientResult,
  GradientTap,
  LayerGradients,
  Objective,
} from '../../../diagnostics/model-runner/gradients';
import { headsOf } from '../../../models/architectures/block-heads';
import { rowWidth } from '../../../models/architectures/carried-rows';
import { ModelError, type BlockSpec, type ModelSpec } from '../../../models/architectures/model-spec';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import type { RuntimeArray, RuntimeValues } from '../../runtime/session';
import { isOfSource } from '../run/cross/cross-run';
import { sourceFeed } from '../run/cross/source-keys';
import { joinRows, pickRows } from '../run/stream/layer-outputs';
import { checkedVariant } from '../run/stream/key-groups';
import { blockFeeds } from '../run/stream/layer-feeds';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { heldShortcut } from '../run/graphs/run-stream';
import { runPrompt } from '../run/stream/model-run';
import { chunksOf, prefixOf, type Chunk, type ResidualStream } from '../run/stream/run-request';
import { floats, hiddenOf } from '../run/graphs/runtime-arrays';
import { embeddingGradients } from './embedding-gradients';
import { keysAndValues } from './keys-and-values';
import { LayerChanges } from './layer-changes';
import { givenGradients, objectiveGradients } from './objective';
import type { OpenPart } from './open-part';
import { WeightSums } from './weight-sums';

/** A model as the gradient needs it. */
export interface Differentiable {
  readonly spec: ModelSpec;
  readonly sessions: LayerSessions;
  readonly weights: StoredWeights;
}

export async function runGradients(
  model: Differentiable,
  request: GradientRequest & { readonly chunk: number },
  signal?: AbortSignal,
): Promise<GradientResult> {
  const sums = new WeightSums(model.weights, request.weights ?? []);
  const result = await gradientsInto(model, request, sums, signal);
  requireRead(sums);
  return result;
}

/** Fails where a tensor is asked for that nothing reads. */
export function requireRead(sums: WeightSums): void {
  const missing = sums.missing();
  if (missing !== undefined) throw new ModelError(`No layer of the model reads a tensor "${missing}".`);
}

/** With the gradients of weights added to `sums`, to which other models of the checkpoint add theirs. */
export async function gradientsInto(
  model: Differentiable,
  request: GradientRequest & { readonly chunk: number },
  sums: WeightSums,
  signal?: AbortSignal,
): Promise<GradientResult> {
  const { spec, sessions } = model;
  requirePlaces(spec, request);
  const { ids, chunk, variant = [], groups = [] } = request;
  const chunks = chunksOf(ids.length, chunk, prefixOf(spec, request));
  const lowest = sums.names.length > 0 ? 0 : lowestLayer(spec, request);
  const steps = 2 * spec.blocks.length - lowest;
  const report = (done: number): void => request.onProgress?.(done / steps);
  const { source, positions, embeddings, prefix } = request;
  const forward = await runPrompt(
    spec,
    sessions,
    {
      ids,
      ...(source ? { source } : {}),
      ...(positions ? { positions } : {}),
      ...(embeddings ? { embeddings } : {}),
      ...(prefix === undefined ? {} : { prefix }),
      chunk,
      logits: 'none',
      keepLast: true,
      ...(firstChangedLayer(variant) === undefined ? { plain: true } : { variants: [variant], groups }),
      keepResiduals: spec.blocks.slice(lowest).map(({ index }) => index),
    },
    { signal, onLayer: ({ layer }) => report(layer + 1) },
  );
  const entering = new Map(forward.residuals.map((stream) => [stream.layer, stream]));

  const part: OpenPart = (of, outputs = {}) =>
    sessions.session({
      kind: 'gradient',
      of,
      wanted: { changes: [], taps: [], gains: false, biases: false, weights: sums.names, ...outputs },
    });
  if (!forward.last) throw new RangeError('the stream that leaves the last layer was not kept');
  const head =
    request.objective.kind === 'source'
      ? await givenGradients(sessions, forward.last, request.objective.weights, sums)
      : await objectiveGradients(spec, part, forward.last, chunks, request, sums, signal);
  let { stream, objective } = head;
  const layers: LayerGradients[] = [];
  const ofSource = source?.stream && request.sourceStream ? new Float32Array(source.stream.length) : undefined;
  for (const block of spec.blocks.slice(lowest).reverse()) {
    const input = entering.get(block.index);
    if (!input) throw new RangeError(`the stream that enters layer ${block.index} was not kept`);
    const result = await layerGradients(model, block, { request, chunks, input, stream, sums, part, ofSource, signal });
    stream = result.stream;
    objective += addEntering(request.objective, input, stream, chunks);
    if (result.layer) layers.unshift(result.layer);
    report(2 * spec.blocks.length - block.index);
  }
  if (lowest === 0) await embeddingGradients(spec, part, stream, chunks, request, sums);
  return {
    objective,
    layers,
    ...(request.embedding ? { embedding: whole(stream) } : {}),
    ...(ofSource ? { source: ofSource } : {}),
    weights: sums.found,
  };
}

/** Throws where the request names what the model does not have. */
function requirePlaces(spec: ModelSpec, { ids, variant = [], groups, taps = [] }: GradientRequest): void {
  checkedVariant(spec, variant, groups, ids.length);
  const beyond = taps.find(({ layer }) => spec.blocks[layer] === undefined);
  if (beyond) throw new RangeError(`There is no layer ${beyond.layer}: the model has ${spec.blocks.length}, from 0.`);
}

/** Below it nothing is asked for; the number of layers: the gradient stays in the head. */
function lowestLayer(spec: ModelSpec, request: GradientRequest): number {
  const { taps = [], headGains, crossGains, stateGains, sourceStream, scoreBiases, mixtureShares, embedding } = request;
  if (headGains || crossGains || stateGains || sourceStream || scoreBiases || mixtureShares || embedding) return 0;
  return Math.min(spec.blocks.length, ...taps.map(({ layer }) => layer));
}

interface LayerWork {
  readonly request: GradientRequest;
  readonly chunks: readonly Chunk[];
  /** What enters the layer, and the gradient of what leaves it. */
  readonly input: ResidualStream;
  readonly stream: ResidualStream;
  readonly sums: WeightSums;
  readonly part: OpenPart;
  /** The gradient of the stream of the source, to which each layer adds. */
  readonly ofSource: Float32Array | undefined;
  readonly signal: AbortSignal | undefined;
}

async function layerGradients(
  model: Differentiable,
  block: BlockSpec,
  { request, chunks, input, stream, sums, part, ofSource, signal }: LayerWork,
): Promise<{ readonly stream: ResidualStream; readonly layer: LayerGradients | undefined }> {
  const { spec, sessions } = model;
  const { shortcut: _, ...ofRun } = stream;
  const layer = block.index;
  const { heads } = headsOf(block);
  const { cross } = block;
  const beside = request.stateGains && block.attention ? block.state : undefined;
  const taps = (request.taps ?? []).filter((each) => each.layer === layer).map(({ tap }) => tap);
  const inner = taps.filter((tap) => tap !== 'residual' && tap !== 'residual.input');
  const { variant = [], groups = [], headGains = false } = request;
  const scoreBiases = (request.scoreBiases ?? false) && block.attention !== undefined;
  const shares = (request.mixtureShares ?? false) && changesOf(variant, 'mixture', layer).length > 0;
  const changes = new LayerChanges(spec, block, variant, request, groups, scoreBiases);
  // Before the layer is opened: what is opened for these may close it.
  const directions: (Float32Array | undefined)[] = [];
  for (const [index, { length }] of chunks.entries()) {
    const residual = { data: input.chunks[index] ?? new Float32Array(0), shape: [1, length, rowWidth(spec)] };
    directions.push(await changes.directions(sessions, residual, signal));
  }
  const session = await part(layer, {
    changes: changes.parts,
    taps: inner,
    gains: headGains,
    ...(cross ? { crossGains: request.crossGains ?? false, source: ofSource !== undefined } : {}),
    biases: scoreBiases,
    ...(beside ? { stateGains: true } : {}),
    ...(shares ? { shares } : {}),
  });
  const held = await keysAndValues(spec, sessions, block, { request, changes, chunks, input, signal });
  const out: Float32Array[] = new Array<Float32Array>(chunks.length);
  const pieces = new Map<GradientTap, RuntimeArray[]>();
  const gains = new Float32Array(heads);
  const recurrent = beside ? new Float32Array(beside.heads) : undefined;
  const crossed = cross && request.crossGains ? new Float32Array(cross.attention.heads) : undefined;
  const biases = new Float32Array(heads * groups.length);
  const ofShares = new Float32Array(heads);
  for (const [index, { start, length }] of [...chunks.entries()].reverse()) {
    signal?.throwIfAborted();
    const leaving = stream.chunks[index] ?? new Float32Array(0);
    const values = await session.run({
      ...blockFeeds(spec, block, held.past(index), input.chunks[index] ?? new Float32Array(0), {
        batch: 1,
        start,
        length,
        sequence: request,
      }),
      ...changes.feeds({ start, length, firstKey: held.first(index), directions: directions[index] }),
      ...heldShortcut(block, input, index),
      ...leftGradient(block, stream.shortcut?.[index], [1, length, spec.hiddenSize]),
      ...sourceFeed(spec, block, request),
      'gradient.residual.out': { data: leaving, shape: [1, length, rowWidth(spec)] },
      ...held.seeds(index),
    });
    out[index] = floats(values, 'gradient.residual');
    held.add(index, values);
    sums.add(values);
    if (headGains) addTo(gains, floats(values, 'gradient.head_gain'));
    if (crossed) addTo(crossed, floats(values, 'gradient.cross_head_gain'));
    if (recurrent) addTo(recurrent, floats(values, 'gradient.state_head_gain'));
    if (cross && ofSource) addTo(ofSource, floats(values, 'gradient.source'));
    if (scoreBiases) addTo(biases, floats(values, 'gradient.score_bias'));
    if (shares) addTo(ofShares, floats(values, 'gradient.mixture_share'));
    for (const tap of taps) {
      const given = tapGradient(tap, values, leaving, spec);
      const value = tap === 'attention.probabilities' ? behind(given, held.first(index)) : given;
      if (isOfSource(tap)) {
        // Every chunk of queries reads the whole source.
        const [sum] = pieces.get(tap) ?? [];
        if (sum) addTo(sum.data as Float32Array, value.data as Float32Array);
        else pieces.set(tap, [value]);
        continue;
      }
      const kept = request.tapRows ? pickRows(tap, value, start, request.tapRows) : value;
      pieces.set(tap, [kept, ...(pieces.get(tap) ?? [])]);
    }
  }
  const asked =
    taps.length > 0 || headGains || crossed !== undefined || recurrent !== undefined || request.scoreBiases || shares;
  return {
    // The stream that leaves the layer contains the shortcut unchanged.
    stream: { ...ofRun, layer, chunks: out, ...(block.shortcut === 'joins' ? { shortcut: stream.chunks } : {}) },
    layer: asked
      ? {
          layer,
          taps: Object.fromEntries([...pieces].map(([tap, all]) => [tap, joinRows(tap, all)])),
          ...(headGains ? { headGains: gains } : {}),
          ...(crossed ? { crossGains: crossed } : {}),
          ...(recurrent ? { stateGains: recurrent } : {}),
          ...(request.scoreBiases ? { scoreBiases: biases } : {}),
          ...(shares ? { mixtureShares: ofShares } : {}),
        }
      : undefined,
  };
}

/** The gradient of the shortcut that a layer left for the next one. */
function leftGradient(
  { index, shortcut }: BlockSpec,
  data: Float32Array | undefined,
  shape: readonly number[],
): Record<string, RuntimeArray> {
  if (shortcut !== 'leaves') return {};
  if (!data) throw new RangeError(`the layer behind layer ${index} passed no gradient to its shortcut`);
  return { 'gradient.shortcut.out': { data, shape } };
}

function addTo(sums: Float32Array, more: Float32Array): void {
  more.forEach((each, at) => (sums[at] = (sums[at] ?? 0) + each));
}

function tapGradient(tap: GradientTap, values: RuntimeValues, leaving: Float32Array, model: ModelSpec): RuntimeArray {
  const width = rowWidth(model);
  const ofStream = (rows: RuntimeArray): RuntimeArray => hiddenOf(rows, model.hiddenSize);
  if (tap === 'residual') return ofStream({ data: leaving, shape: [1, leaving.length / width, width] });
  const value = values[tap === 'residual.input' ? 'gradient.residual' : `gradient.${tap}`];
  if (!value) throw new TypeError(`the layer gave no gradient of "${tap}"`);
  return tap === 'residual.input' ? ofStream(value) : value;
}

/** Adds what the objective reads of the stream that enters a layer to its gradient; gives the sum of the products. */
function addEntering(
  objective: Objective,
  input: ResidualStream,
  gradient: ResidualStream,
  chunks: readonly Chunk[],
): number {
  const own = objective.kind === 'stream' ? objective.entering?.get(gradient.layer) : undefined;
  if (!own) return 0;
  let sum = 0;
  chunks.forEach(({ start }, index) => {
    const [sums, values] = [gradient.chunks[index], input.chunks[index]];
    sums?.forEach((value, at) => {
      const weight = own[start * input.width + at] ?? 0;
      sums[at] = value + weight;
      sum += weight * (values?.[at] ?? 0);
    });
  });
  return sum;
}

/** [.., t] with zeros for the keys before the first one that a window reaches. */
function behind({ data, shape }: RuntimeArray, first: number): RuntimeArray {
  const keys = shape.at(-1) ?? 0;
  if (first === 0 || !(data instanceof Float32Array)) return { data, shape };
  const rows = data.length / keys;
  const wide = new Float32Array(rows * (first + keys));
  for (let row = 0; row < rows; row++) {
    wide.set(data.subarray(row * keys, (row + 1) * keys), row * (first + keys) + first);
  }
  return { data: wide, shape: [...shape.slice(0, -1), first + keys] };
}

function whole({ chunks }: ResidualStream): Float32Array {
  const data = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    data.set(chunk, at);
    at += chunk.length;
  }
  return data;
}
