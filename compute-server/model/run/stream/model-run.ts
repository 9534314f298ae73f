/**
 * Runs a prompt through a model, layer by layer and, inside a layer, chunk of queries by chunk of queries. Only one layer's
 * scores of one chunk are alive at a time: memory grows with the length, not with its square.
 */
import { firstChangedLayer } from '../../../../models/instrument/changes/changes';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import { layerBytes } from './budget';
import { embed } from './embed';
import { emptyCache } from '../cache/key-value-cache';
import type { LayerKeys } from './layer-feeds';
import { runLayer, type LayerRun } from './layer-run';
import type { LayerSessions } from '../graphs/layer-sessions';
import { answersOf, logitsOf, meanLoss, nextTokensOf } from '../graphs/logits';
import { earlierOccurrences, PickTable } from './statistics-layout';
import {
  chunksOfRun,
  requirePossible,
  type LayerResult,
  type ResidualStream,
  type RunHooks,
  type RunRequest,
  type RunResult,
} from './run-request';
import { disposeStream, hostStream, spread, streamOf, type RunStream } from '../graphs/run-stream';

/** A run to its end. */
export async function runPrompt(
  model: ModelSpec,
  sessions: LayerSessions,
  request: RunRequest,
  hooks: RunHooks = {},
): Promise<RunResult> {
  const layers = layersOf(model, sessions, request, hooks);
  for (;;) {
    const step = await layers.next();
    if (step.done) return step.value;
    if (hooks.onLayer) hooks.onLayer(step.value.result, await hostStream(step.value.out));
  }
}

/**
 * A run layer by layer: what each layer gave and the stream that leaves it, as it is done; at the end the whole. The stream may
 * lie on a device, and is good until the next layer is asked for: a caller that stops before the end returns the generator.
 */
export async function* layersOf(
  model: ModelSpec,
  sessions: LayerSessions,
  request: RunRequest,
  hooks: RunHooks = {},
): AsyncGenerator<LayerRun, RunResult> {
  const variants = request.variants && request.variants.length > 0 ? request.variants : [[]];
  if (request.reinforcement && (variants.length > 1 || request.lastMass)) {
    throw new RangeError('gains are chosen for one variant, without the mass of the last row');
  }
  requirePossible(model, request, variants.length);
  const chunks = chunksOfRun(model, request);
  const picks = new PickTable(request.earlier ?? (request.statistics ? earlierOccurrences(request.ids) : []));
  // Variants that agree up to a layer share the work below it: they are run as one until the first of them changes something.
  const split =
    request.variantIds || request.variantSources
      ? 0
      : Math.min(...variants.map((variant) => firstChangedLayer(variant) ?? Infinity));
  let stream = request.from ? streamOf(request.from) : await embed(model, sessions, request, chunks, hooks.signal);
  /** What leaves a layer takes the place of what entered it. */
  const pass = (next: RunStream): void => {
    disposeStream(stream);
    stream = next;
  };
  const cache = request.keepCache ? emptyCache(model, variants.length) : undefined;
  const layers: LayerResult[] = [];
  const residuals: ResidualStream[] = [];
  const inPlace: LayerKeys[] = [];
  let done = false;
  const batchAt = (layer: number): number =>
    // Keys and values of all variants are kept side by side, so a run that keeps its cache is a batch from the start.
    request.keepCache || layer >= split ? variants.length : 1;

  try {
    for (const block of model.blocks.slice(stream.layer)) {
      const batch = Math.max(batchAt(block.index), stream.batch);
      if (batch > stream.batch) pass(await spread(stream, batch));
      // Between two devices the stream comes to the host once; a layer may read it several times.
      if (changesDevice(sessions, block.index)) pass(streamOf(await hostStream(stream)));
      if (request.keepResiduals?.includes(block.index)) residuals.push(await hostStream(stream));
      const { result, out, keys } = await runLayer(model, sessions, block, {
        request,
        variants: variants.slice(0, batch),
        chunks,
        picks,
        stream,
        cache,
        hooks,
      });
      await sessions.ran(
        block.index,
        layerBytes(model, block, { batch, length: request.ids.length, source: request.source }, chunks[0]?.length ?? 0),
      );
      pass(out);
      if (keys) inPlace.push(keys);
      layers.push(result);
      yield { result, out };
    }
    if (stream.batch < variants.length) pass(await spread(stream, variants.length));
    const { signal } = hooks;
    const logits = request.logits === 'none' ? undefined : await logitsOf(model, sessions, stream, request, signal);
    const nextTokens = request.lossAt
      ? await nextTokensOf(model, sessions, stream, request, request.lossAt, signal)
      : undefined;
    const answers = request.answersAt
      ? await answersOf(model, sessions, stream, request, request.answersAt, signal)
      : undefined;
    const last = request.keepLast ? await hostStream(stream) : undefined;
    done = true;
    return {
      layers,
      residuals,
      ...(last ? { last } : {}),
      ...(nextTokens ? { loss: nextTokens.map(meanLoss) } : {}),
      ...(nextTokens && request.eachToken ? { nextTokens } : {}),
      ...(answers ? { answers } : {}),
      ...(logits ? { logits } : {}),
      ...(cache ? { cache } : {}),
      ...(request.keysInPlace ? { keys: inPlace } : {}),
    };
  } finally {
    disposeStream(stream);
    if (!done) for (const keys of inPlace) keys.dispose();
  }
}

function changesDevice({ places }: LayerSessions, layer: number): boolean {
  return layer > 0 && places.deviceOfLayer(layer) !== places.deviceOfLayer(layer - 1);
}
