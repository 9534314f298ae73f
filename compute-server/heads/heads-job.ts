/** The job behind `headscope heads` and the Heads panel: parity, statistics layer by layer, then labels and what heads are worth. */
import type { HeadsProgress, HeadsReply, HeadsRequest } from '../../protocol/compute/models';
import { headStatisticNames, type HeadThumbnails, type PerHead } from '../../protocol/results/heads';
import type { TopKey, HeadStatistics } from '../../protocol/results/heads-schema';
import { printDo } from '../../protocol/interventions/do-form';
import { gainsIn } from '../../protocol/interventions/gains';
import { decidesOverRows, kindOf } from '../../protocol/interventions/interventions';
import { refusal } from '../../protocol/wire/failures';
import { modelProvenance } from '../provenance';
import type { Job } from '../dispatch/dispatcher';
import type { Surroundings } from '../surroundings';
import { chunkThatFits } from '../model/run/stream/budget';
import { ServerRunner } from '../runner/runner';
import { labelHeads, type LabelledHeads, type LabelledStage } from '../../diagnostics/shared/labels/label-heads';
import { usualNullSequences } from '../../diagnostics/shared/labels/label-run';
import type { HeadNumbers } from '../../diagnostics/model-runner/head-numbers';
import { thumbnailSize } from '../model/run/stream/statistics-layout';
import { lower, sourceStamps } from '../model/interventions/lower';
import { checkedVariant } from '../model/run/stream/key-groups';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { layersOf } from '../model/run/stream/model-run';
import type { LayerResult } from '../model/run/stream/run-request';
import { hostStream } from '../model/run/graphs/run-stream';
import { requireParity } from '../model/checkpoint/parity';
import { piecesOf, readerOf, sequenceOf } from '../model/prompt/prompt';
import { ResumeFile } from './resume';

/** A run that ends sooner leaves nothing to resume. */
const resumeAfterMs = 2000;

export async function* headsJob(
  opened: LoadedModel,
  request: HeadsRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<HeadsProgress, HeadsReply> {
  const started = performance.now();
  const model = readerOf(opened, request.prompt);
  const { interventions } = request;
  const encoding = { memoryLimit: surroundings.memoryLimit, signal };
  const sequence = await sequenceOf(opened, request.prompt, encoding, interventions);
  const { ids } = sequence;
  const here = interventions.find((one) => !kindOf(one).anywhere(one));
  if (here && request.classify) {
    const detail = `"${printDo(here)}" acts on positions of this prompt, and labels are measured on other sequences. Leave it out, or take no labels (--no-classify).`;
    throw refusal(detail);
  }
  const chunk = chunkThatFits(
    model,
    {
      length: ids.length,
      batch: 1,
      keepCache: false,
      logits: 'none',
      prefix: sequence.prefix,
      atOnce: decidesOverRows(interventions),
    },
    surroundings.memoryLimit,
    request.chunk,
  );
  const { memoryLimit } = surroundings;
  const {
    variants: [lowered = []],
    groups: changed,
  } = await lower({ opened, model, sequence, chunk, memoryLimit, signal }, [interventions]);
  const { groups: own = [] } = sequence;
  const groups = [...own, ...(request.groups ?? []), ...changed.slice(own.length)];
  const variant = checkedVariant(model.spec, lowered, groups, ids.length);
  const layers = model.spec.blocks.length;

  yield { kind: 'stage', sentence: 'Checking the instrumented run against the plain model', share: 0 };
  const parity = await requireParity(model, sequence, { signal });

  const resume = new ResumeFile(surroundings.cacheFolder, [
    model.summary.hash,
    model.stamp,
    model.summary.family,
    ids,
    sequence.image,
    interventions,
    await sourceStamps(interventions),
    groups,
    chunk,
    request.thumbnails,
  ]);
  const unfinished = await resume.read();
  const done: LayerResult[] = [...(unfinished?.layers ?? [])];
  for (const layer of done) yield layerProgress(layer, model);
  let unsaved = false;
  let keptLayers = done.length;
  const stage = (layer: number): HeadsProgress => ({
    kind: 'stage',
    sentence: `Layer ${layer + 1} of ${layers}`,
    share: layer / layers,
    ...timeLeft(started, layer - (unfinished?.layers.length ?? 0), layers - layer),
    keptLayers,
  });
  if (done.length < layers) yield stage(done.length);
  const run = layersOf(
    model.spec,
    model.sessions,
    {
      ...sequence,
      variants: [variant],
      chunk,
      groups,
      statistics: true,
      topKeys: 'last',
      thumbnails: request.thumbnails,
      logits: 'none',
      ...(unfinished ? { from: unfinished.residual } : {}),
    },
    { signal },
  );
  for await (const { result, out } of run) {
    await model.requireUnchanged();
    done.push(result);
    yield layerProgress(result, model);
    if (done.length === layers) break;
    if (performance.now() - started > resumeAfterMs) {
      const why = await resume.write({ layers: done, residual: await hostStream(out) });
      if (why === undefined) keptLayers = done.length;
      else if (!unsaved) {
        surroundings.log('warn', `Finished layers cannot be kept for a later run (${why}); this run continues.`);
        unsaved = true;
      }
    }
    yield stage(done.length);
  }

  let labelled: LabelledHeads | undefined;
  if (request.classify) {
    const { causal, seed } = request;
    const labels = labelHeads(
      new ServerRunner(opened, model, surroundings, signal),
      { sequence, statistics: done.map(numbersOf) },
      { variant, seed, causal, nullSequences: usualNullSequences, step: (_, act) => act() },
    );
    labelled = yield* asStages(labels, keptLayers);
  }
  await resume.remove();

  const made = await modelProvenance(
    model,
    { chunk, classify: request.classify, causal: request.causal },
    request.seed,
  );
  const thumbnails = request.thumbnails ? joinThumbnails(done, model.summary.heads) : undefined;
  return {
    result: {
      ...made,
      kind: 'headscope-heads',
      version: 1,
      model: model.summary,
      prompt: request.prompt.kind === 'text' ? request.prompt.text : null,
      ids,
      tokens: piecesOf(model, ids),
      ...(sequence.image ? { image: sequence.image } : {}),
      ...(sequence.chatPrompt ? { chatPrompt: sequence.chatPrompt } : {}),
      interventions,
      gains: gainsIn(interventions),
      layers,
      heads: model.summary.heads,
      statistics: statisticsOf(done),
      groups: Object.fromEntries(
        groups.map(({ name }) => [name, done.map((layer) => layer.statistics?.groups[name] ?? [])]),
      ),
      topKeys: done.map((layer) => topKeysOf(layer)),
      classes: [],
      ...labelled,
      parity,
      seconds: (performance.now() - started) / 1000,
    },
    ...(thumbnails ? { thumbnails } : {}),
  };
}

async function* asStages(
  labels: AsyncGenerator<LabelledStage, LabelledHeads>,
  keptLayers: number,
): AsyncGenerator<HeadsProgress, LabelledHeads> {
  for (;;) {
    const step = await labels.next();
    if (step.done) return step.value;
    yield { kind: 'stage', sentence: step.value.sentence, share: 1, keptLayers };
  }
}

function timeLeft(started: number, done: number, left: number): { secondsLeft?: number } {
  return done < 1 ? {} : { secondsLeft: (((performance.now() - started) / done) * left) / 1000 };
}

function statisticsOf(layers: readonly LayerResult[]): HeadStatistics {
  const table = (name: keyof HeadStatistics): PerHead => layers.map(({ statistics }) => statistics?.[name] ?? []);
  return Object.fromEntries(headStatisticNames.map((name) => [name, table(name)])) as unknown as HeadStatistics;
}

/** The keys that the last query reads most, by head. */
function topKeysOf({ top }: LayerResult): readonly (readonly TopKey[])[] {
  if (!top) throw new RangeError('the layer has no top keys');
  return Array.from({ length: top.heads }, (_, head) =>
    Array.from({ length: top.k }, (_, slot) => {
      const at = head * top.k + slot;
      return { key: top.keys[at] ?? -1, weight: top.weights[at] ?? 0 };
    }).filter(({ key, weight }) => key >= 0 && weight > 0),
  );
}

const rowOf = (numbers: HeadNumbers): { readonly [K in keyof HeadStatistics]: readonly number[] } =>
  Object.fromEntries(headStatisticNames.map((name) => [name, numbers[name]])) as unknown as {
    readonly [K in keyof HeadStatistics]: readonly number[];
  };

function numbersOf({ statistics }: LayerResult): HeadNumbers {
  if (!statistics) throw new RangeError('the layer has no statistics');
  return statistics;
}

function layerProgress(layer: LayerResult, model: LoadedModel): HeadsProgress {
  return {
    kind: 'layer',
    layer: layer.layer,
    statistics: rowOf(numbersOf(layer)),
    ...(layer.thumbnail
      ? { thumbnails: { size: thumbnailSize, layers: 1, heads: model.summary.heads, data: layer.thumbnail } }
      : {}),
  };
}

function joinThumbnails(layers: readonly LayerResult[], heads: number): HeadThumbnails {
  const each = heads * thumbnailSize * thumbnailSize;
  const data = new Float32Array(layers.length * each);
  layers.forEach(({ thumbnail }, layer) => {
    if (thumbnail) data.set(thumbnail, layer * each);
  });
  return { size: thumbnailSize, layers: layers.length, heads, data };
}
