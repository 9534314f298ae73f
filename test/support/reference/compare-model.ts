/** What a checkpoint of the reference folder gives in a run, beside the outputs of its class in float64. */
import assert from 'node:assert/strict';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { normWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { encodePicture, patchRows } from '../../../compute-server/model/checkpoint/vision-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { jointSpaceOf } from '../../../compute-server/runner/joint-space';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { LinearReadout } from '../../../diagnostics/vision/concept-heads/readout';
import type { Norm } from '../../../models/architectures/model-spec';
import { firstOf, type ExpectedArray, type ReferenceModel } from './reference-models';

/** Largest difference: of attention as it is (rows sum to 1), of all else in units of the largest number. */
export interface Difference {
  readonly name: string;
  readonly error: number;
}

/** Of attention probabilities, and of what is measured by its largest number. */
export const limitOf = ({ name }: Difference): number => (name.startsWith('attentions.') ? 1e-5 : 1e-4);

/** Folders whose config no run follows: the keys that the refusal names, and what is left of them is compared without. */
export const refused: Readonly<Record<string, readonly string[]>> = {
  // LlamaConfig has no window: the class reads everything, while the caches of transformers drop keys by it.
  'idefics3--Idefics3ForConditionalGeneration': ['text_config', 'sliding_window'],
  'idefics3--Idefics3Model': ['text_config', 'sliding_window'],
  'smolvlm--SmolVLMForConditionalGeneration': ['text_config', 'sliding_window'],
  'smolvlm--SmolVLMModel': ['text_config', 'sliding_window'],
};

/** Bare classes of a whole: the sentence that such a folder is refused with. */
export const unopened: Readonly<Record<string, RegExp>> = {
  'idefics3--Idefics3Model': /has no tensor "model\.text_model\.model\.embed_tokens\.weight"/,
  'smolvlm--SmolVLMModel': /has no tensor "model\.text_model\.model\.embed_tokens\.weight"/,
};

/** The folder itself, or a copy in `room` without the key that is refused. */
export function folderOf(model: ReferenceModel, room: string): string {
  const path = refused[model.name];
  if (!path) return model.folder;
  const copy = join(room, model.name);
  cpSync(model.folder, copy, { recursive: true, mode: 0 });
  const config = structuredClone(model.config) as Record<string, Record<string, unknown>>;
  delete config[path[0] ?? '']?.[path[1] ?? ''];
  rmSync(join(copy, 'config.json'), { force: true });
  writeFileSync(join(copy, 'config.json'), JSON.stringify(config));
  return copy;
}

/**
 * transformers' own loop over Falcon's heads adds ALiBi twice, once with the mask and once to the scores (5.2; its fused kernels add it
 * once, as the model was trained): the same as positions twice as far apart.
 */
const doubledAlibi = /^falcon-rw--/;

export function difference(found: ArrayLike<number | bigint>, expected: readonly number[], relative: boolean): number {
  if (found.length !== expected.length) return Infinity;
  let [worst, largest] = [0, 0];
  expected.forEach((value, i) => {
    const error = Math.abs(Number(found[i]) - value);
    if (!(error <= worst)) worst = error;
    largest = Math.max(largest, Math.abs(value));
  });
  return relative ? worst / largest : worst;
}

/** Of the first `read` tokens, where the rest is padding that nothing reads: rows [n, w], or attention [h, n, n]. */
function cut({ shape, data }: ExpectedArray, read: number | undefined, attention: boolean): ExpectedArray {
  if (read === undefined) return { shape, data };
  const [n = 0, width = 0] = shape.slice(-2);
  const kept = attention ? read : width;
  const rows = Array.from({ length: data.length / width }, (_, row) => data.slice(row * width, row * width + kept));
  return { shape: [...shape.slice(0, -2), read, kept], data: rows.filter((_, row) => row % n < read).flat() };
}

/**
 * Attention [h, n, n]; where a class gives it as a band of keys around each query, in its place. Undefined where rows are no
 * probabilities; beside sinks they sum to less than 1.
 */
function wholeRows({ shape, data }: ExpectedArray, sinks: boolean): readonly number[] | undefined {
  const [heads = 0, n = 0, width = 0] = shape.slice(-3);
  const rows = Array.from({ length: heads * n }, (_, row) => data.slice(row * width, (row + 1) * width));
  const sums = rows.map((row) => row.reduce((sum, x) => sum + x, 0));
  if (sums.some((sum) => (sinks ? sum > 1 : Math.abs(sum - 1) > 1e-6))) return undefined;
  if (width === n || width % 2 === 0) return data;
  return rows.flatMap((row, at) => Array.from({ length: n }, (_, key) => row[key - (at % n) + (width - 1) / 2] ?? 0));
}

/** Of the first item of the batch. */
export async function differencesOf(
  { name: reference }: Pick<ReferenceModel, 'name'>,
  model: LoadedModel,
  expected: ReadonlyMap<string, ExpectedArray>,
): Promise<readonly Difference[]> {
  const compared: Difference[] = [];
  const [read] = expected.get('input.lengths')?.data ?? [];
  const sinks = model.spec.blocks.some(({ attention }) => attention.sinks !== undefined);
  const check = (name: string, found: ArrayLike<number | bigint> | undefined): void => {
    const array = expected.get(`output.${name}`);
    if (!array || !found) return;
    const attention = name.startsWith('attentions.');
    const first = cut(firstOf(array), read, attention);
    const own = attention ? wholeRows(first, sinks) : first.data;
    if (own) compared.push({ name, error: difference(found, own, !attention) });
  };
  const ids = expected.get('input.input_ids');
  const sequence = await sequenceOf(model, ids && firstOf(ids).data.slice(0, read), expected);
  // What a pair makes of its texts is compared without the other half: here parts of them are masked.
  const runsText = ids !== undefined && (model.multimodal !== undefined || !model.encoder);
  const spec = runsText || !model.encoder ? model.spec : model.encoder.spec;
  const sessions = runsText || !model.encoder ? model.sessions : model.encoder.sessions;
  const positions = doubledAlibi.test(reference) ? { positions: sequence.ids.map((_, row) => 2 * row) } : {};
  const result = await runPrompt(spec, sessions, {
    ...sequence,
    ...positions,
    chunk: sequence.ids.length,
    keepLast: true,
    logits: spec.head.vocabulary ? 'all' : 'none',
    taps: spec.blocks.map(({ index }) => ({ layer: index, tap: 'attention.probabilities' })),
  });
  if (spec.head.vocabulary) check('logits', result.logits?.data);
  for (const { index } of spec.blocks)
    check(`attentions.${index}`, result.layers[index]?.taps['attention.probabilities']?.data);
  const last = result.last?.chunks[0] ?? assert.fail();
  const { vision } = model;
  const norm = spec.embedding ? spec.head.norm : vision?.tower.norm;
  check('last_hidden_state', norm ? await normed(model, norm, last) : last);
  if (!spec.embedding) {
    const joint = jointSpaceOf(model, new AbortController().signal);
    const embedding = joint && new LinearReadout(await joint.readout()).of(last).embedding;
    const length = Math.hypot(...(embedding ?? []));
    check(
      'image_embeds',
      embedding?.map((x) => x / length),
    );
  }
  return compared;
}

/** Tokens one by one behind the first half, with a cache: the difference of their logits from those of the whole pass. */
export async function decodedDifference(model: LoadedModel, ids: readonly number[]): Promise<number> {
  const { spec, sessions } = model;
  const whole = await runPrompt(spec, sessions, { ids, chunk: ids.length, logits: 'all' });
  const half = Math.ceil(ids.length / 2);
  const run = await SequenceRun.start(spec, sessions, { ids: ids.slice(0, half), chunk: 4, stepsAtOnce: true });
  const rows: number[] = [];
  for (const id of ids.slice(half)) rows.push(...(await run.extend([id])).logits);
  return difference(rows, [...(whole.logits?.data as Float32Array)].slice(-rows.length), true);
}

/** Rows behind a layer norm or an RMS norm, in float64 and by its equation. */
async function normed(model: LoadedModel, norm: Norm, rows: Float32Array): Promise<readonly number[]> {
  const { gain, bias } = await normWeights(norm, model.weights, model.weightsFolder);
  const { size } = norm;
  return Array.from({ length: rows.length / size }, (_, row) => {
    const own = [...rows.subarray(row * size, (row + 1) * size)];
    const centre = norm.kind === 'layer' ? own.reduce((sum, x) => sum + x, 0) / size : 0;
    const scale = Math.sqrt(own.reduce((sum, x) => sum + (x - centre) ** 2, 0) / size + norm.epsilon);
    return own.map((x, i) => ((x - centre) / scale) * (gain[i] ?? 0) + (bias?.[i] ?? 0));
  }).flat();
}

async function sequenceOf(
  model: LoadedModel,
  ids: readonly number[] | undefined,
  expected: ReadonlyMap<string, ExpectedArray>,
): Promise<Sequence> {
  const pixels = expected.get('input.pixel_values');
  const { vision, multimodal } = model;
  if (ids && !pixels) return { ids };
  if (!pixels || !vision) throw new RangeError('neither ids nor pixels');
  const own = firstOf(pixels);
  const size = own.shape.slice(-3).reduce((product, axis) => product * axis, 1);
  const tiles = Array.from({ length: own.data.length / size }, (_, tile) =>
    Float32Array.from(own.data.slice(tile * size, (tile + 1) * size)),
  );
  if (!ids || !multimodal) return patchRows(vision, tiles[0] ?? assert.fail());
  const { tiles: features, newline } = await encodePicture(vision, { tiles }, 4e9);
  const rows = ids.flatMap((id, at) => (id === multimodal.imageToken ? [at] : []));
  const data = newline ? joinedTiles(features, newline) : features.flatMap((tile) => [...tile]);
  const images = expected.get('output.image_hidden_states');
  // PaliGemma divides them by the root of the width, and Gemma multiplies them by it again.
  const factor = multimodal.bidirectionalPrompt ? model.spec.hiddenSize ** -0.5 : 1;
  const rowsOfImage = data.map((x) => x * factor);
  if (images) assert.ok(difference(rowsOfImage, images.data.slice(0, data.length), true) < 1e-4, 'rows of the image');
  assert.equal(data.length, rows.length * model.spec.hiddenSize, 'a row for each token of the image');
  return {
    ids,
    embeddings: { rows, data: Float32Array.from(data) },
    ...(multimodal.bidirectionalPrompt ? { prefix: ids.length } : {}),
  };
}

/** LLaVA-NeXT: the whole picture, then the tiles of a square joined to one map with a newline behind each line. */
function joinedTiles([whole, ...tiles]: readonly Float32Array[], newline: Float32Array): readonly number[] {
  const width = newline.length;
  const side = Math.sqrt((whole?.length ?? 0) / width);
  const across = Math.sqrt(tiles.length);
  const lines = Array.from({ length: across * side }, (_, line) => [
    ...Array.from({ length: across * side }, (_, column) => {
      const tile = tiles[Math.floor(line / side) * across + Math.floor(column / side)] ?? assert.fail();
      const cell = (line % side) * side + (column % side);
      return [...tile.subarray(cell * width, (cell + 1) * width)];
    }).flat(),
    ...newline,
  ]);
  return [...(whole ?? []), ...lines.flat()];
}
