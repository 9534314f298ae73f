/** What a checkpoint of the reference folder gives in a run, beside the outputs of its class in float64. */
import assert from 'node:assert/strict';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { normWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { encodePicture, patchRows } from '../../../compute-server/model/checkpoint/vision-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { withAttention } from '../../../models/architectures/block-heads';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { jointSpaceOf } from '../../../compute-server/runner/joint-space';
import { encodedSource } from '../../../compute-server/model/prompt/source';
import type { Sequence, SourceRows } from '../../../diagnostics/model-runner/sequence';
import { LinearReadout } from '../../../diagnostics/vision/concept-heads/readout';
import type { Norm } from '../../../models/architectures/weights-spec';
import { firstOf, type ExpectedArray, type ReferenceModel } from './reference-models';
import { readTensors } from './variants';

/** Largest difference: of attention as it is (rows sum to 1), of all else in units of the largest number. */
export interface Difference {
  readonly name: string;
  readonly error: number;
}

/** `attentions.0`, and of an encoder-decoder `encoder_attentions.0`, `decoder_attentions.0`, `cross_attentions.0`. */
export const isAttention = (name: string): boolean => /(^|_)attentions\./.test(name);

/** The limit of attention probabilities, and of what is measured by its largest number. */
export const limitOf = ({ name }: Difference): number => (isAttention(name) ? 1e-5 : 1e-4);

/** Folders whose config no run follows: the keys that the refusal names, and what is left of them is compared without. */
export const refused: Readonly<Record<string, readonly string[]>> = {
  // LlamaConfig has no window: the class reads everything, while the caches of transformers drop keys by it.
  'idefics3--Idefics3ForConditionalGeneration': ['text_config', 'sliding_window'],
  'idefics3--Idefics3Model': ['text_config', 'sliding_window'],
  'smolvlm--SmolVLMForConditionalGeneration': ['text_config', 'sliding_window'],
  'smolvlm--SmolVLMModel': ['text_config', 'sliding_window'],
};

/** Folders whose class of transformers 5.2 computes something else than the model that was published, and what. */
export const otherClass: Readonly<Record<string, string>> = {
  'imagegpt--ImageGPTForImageClassification':
    'The class of 5.2 divides scores by 2, the root of 8 rounded down; variants.ts compensates for it',
  'nllb_moe--NllbMoeForConditionalGeneration':
    'The class of 5.2 sends tokens to other experts than those that its router weighs; the class before it, for which the model was published, does not',
  'prophetnet--ProphetNetForCausalLM':
    'The class of 5.2 gives rows of its predicting streams the scores by distance of other rows, heads and streams; predicting-stream.test.ts has both',
  'prophetnet--ProphetNetForConditionalGeneration':
    'The class of 5.2 gives rows of its predicting streams the scores by distance of other rows, heads and streams; predicting-stream.test.ts has both',
  'switch_transformers--SwitchTransformersEncoderModel':
    'The class of 5.2 adds the biases of distances in the first layer alone; those before it, and T5, in every layer',
};

/** Bare classes of a whole: the sentence that such a folder is refused with. */
export const unopened: Readonly<Record<string, RegExp>> = {
  // The class of 5.2 has units and stream the other way round (models/formats/families/decoders/dbrx.ts); variants.ts turns them.
  'dbrx--DbrxForCausalLM': /ffn\.experts\.mlp\.\w1 is \[256, 64\], and the config makes it \[256, 32\]/,
  // 5.2.0.dev0 writes language_model into the name of the map of the vectors; variants.ts takes it out.
  'gemma3n--Gemma3nForCausalLM': /lack .*per_layer_model_projection/,
  'idefics3--Idefics3Model': /has no tensor "model\.text_model\.model\.embed_tokens\.weight"/,
  // transformers 5.2.0.dev0 cuts experts that it holds input by input along their inputs; variants.ts puts them together again.
  'qwen3_vl_moe--Qwen3VLMoeForConditionalGeneration': /lack .*mlp\.experts\.gate_up_proj/,
  'smolvlm--SmolVLMModel': /has no tensor "model\.text_model\.model\.embed_tokens\.weight"/,
  // Computed in integers.
  'ibert--IBertForMaskedLM': /quant_mode is true, and Headscope computes I-BERT where it is false/,
};

/** Folders whose outputs are of inputs beside a text and a picture, which no run has: their families are compared as variants of another. */
export const givenMore: Readonly<Record<string, string>> = {
  'layoutlm--LayoutLMForMaskedLM': 'bbox',
  'layoutlmv3--LayoutLMv3Model': 'bbox and pixel_values',
  'luke--LukeForMaskedLM': 'entity_ids',
  'markuplm--MarkupLMModel': 'xpath_tags_seq',
  'roc_bert--RoCBertForCausalLM': 'input_shape_ids',
  'visual_bert--VisualBertForPreTraining': 'visual_embeds',
};

/** Classes that read in both directions where they are given no mask; a tokenizer gives one, and then they read from left to right. */
const unmasked = /^(aimv2--Aimv2TextModel|moshi--)/;

/** The folder itself, or a copy in `room` without the key that is refused. */
export function folderOf(model: ReferenceModel, room: string): string {
  const path = refused[model.name];
  if (!path) return model.folder;
  const copy = join(room, model.name);
  cpSync(model.folder, copy, { recursive: true, dereference: true, mode: 0 });
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

/** The encoder of ProphetNet gives its scores [h, n, t], not their probabilities. */
const givesScores = /^prophetnet--ProphetNetEncoder/;

function ofScores({ shape, data }: ExpectedArray): ExpectedArray {
  const width = shape.at(-1) ?? 1;
  const powers = data.map(Math.exp);
  const sums = Array.from({ length: data.length / width }, (_, row) =>
    powers.slice(row * width, (row + 1) * width).reduce((sum, x) => sum + x, 0),
  );
  return { shape, data: powers.map((x, at) => x / (sums[Math.floor(at / width)] ?? 1)) };
}

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

/** Only the tokens that are read, where the rest is masked: rows [n, w], or attention [h, n, n]. */
function cut({ shape, data }: ExpectedArray, read: readonly number[] | undefined, attention: boolean): ExpectedArray {
  if (read === undefined) return { shape, data };
  const [n = 0, width = 0] = shape.slice(-2);
  const rows = Array.from({ length: data.length / n / width }, (_, of) =>
    read.map((row) => data.slice((of * n + row) * width, (of * n + row + 1) * width)),
  ).flat();
  // A band of keys around each query is cut at its end.
  const keys = (row: readonly number[]) =>
    width === n ? read.map((key) => row[key] ?? NaN) : row.slice(0, read.length);
  const kept = attention ? rows.map(keys) : rows;
  return { shape: [...shape.slice(0, -2), read.length, kept[0]?.length ?? width], data: kept.flat() };
}

/**
 * Attention [h, n, n]; where a class gives it as a band of keys around each query, in its place. Undefined where rows are no
 * probabilities; beside sinks they sum to less than 1.
 */
function wholeRows({ shape, data }: ExpectedArray, sinks: boolean): readonly number[] | undefined {
  const [heads = 0, n = 0, width = 0] = shape.slice(-3);
  const rows = Array.from({ length: heads * n }, (_, row) => data.slice(row * width, (row + 1) * width));
  const sums = rows.map((row) => row.reduce((sum, x) => sum + x, 0));
  // NaN: what is recorded is no matrix of these tokens (states of MiniMax's lightning attention).
  if (!sums.every((sum) => (sinks ? sum <= 1 : Math.abs(sum - 1) <= 1e-6))) return undefined;
  if (width === n || width % 2 === 0) return data;
  return rows.flatMap((row, at) => Array.from({ length: n }, (_, key) => row[key - (at % n) + (width - 1) / 2] ?? 0));
}

/** Attention [blocks, h, l, 3 l] of queries in a block, on the keys of it and of the two beside it (LongT5), as [h, n, n] of `count` numbers. */
function fromBlocks({ shape, data }: ExpectedArray, count: number): ExpectedArray {
  const [, heads = 0, length = 0, width = 0] = shape;
  const n = Math.sqrt(count / heads);
  const at = (head: number, query: number, key: number): number => {
    const block = Math.floor(query / length);
    const column = key - (block - 1) * length;
    if (column < 0 || column >= width) return 0;
    return data[((block * heads + head) * length + (query % length)) * width + column] ?? 0;
  };
  const rows = Array.from({ length: heads * n * n }, (_, i) =>
    at(Math.floor(i / (n * n)), Math.floor(i / n) % n, i % n),
  );
  return { shape: [heads, n, n], data: rows };
}

/**
 * What a class gives for groups of tokens (Funnel), as a run has it for tokens: rows [groups, w], or attention [h, groups, groups of keys],
 * of `n` tokens. The first token is a group, and 2, then 4 of the others; the sums of each group count at its first token. Rows of tokens
 * that have no group any more are those of `found`.
 */
function ofTokens(
  { shape, data }: ExpectedArray,
  n: number,
  attention: boolean,
  found: ArrayLike<number | bigint>,
): ExpectedArray {
  const [rows = 0, columns = 0] = shape.slice(-2);
  const sizeOf = (groups: number): number => [1, 2, 4].find((size) => Math.ceil(n / size) === groups) ?? assert.fail();
  const groupOf = (token: number, size: number): number => Math.ceil(token / size);
  const width = attention ? n : columns;
  const size = sizeOf(rows);
  const whole = Array.from({ length: data.length / rows / columns }, (_, head) =>
    Array.from({ length: n }, (_row, token) => {
      const group = groupOf(token, size);
      const own = data.slice((head * rows + group) * columns, (head * rows + group + 1) * columns);
      const at = (head * n + token) * width;
      if (group >= rows) return Array.from({ length: width }, (_column, i) => Number(found[at + i]));
      const of = (key: number): number => groupOf(key, sizeOf(columns));
      return attention
        ? Array.from({ length: n }, (_key, key) => (of(key) === of(key - 1) ? 0 : (own[of(key)] ?? 0)))
        : own;
    }),
  );
  return { shape: [...shape.slice(0, -2), n, width], data: whole.flat(2) };
}

/** Differences of the first item of the batch. */
export async function differencesOf(
  { name: reference }: Pick<ReferenceModel, 'name'>,
  model: LoadedModel,
  expected: ReadonlyMap<string, ExpectedArray>,
): Promise<readonly Difference[]> {
  const compared: Difference[] = [];
  const [padded] = expected.get('input.lengths')?.data ?? [];
  const ids = expected.get('input.input_ids');
  const own = ids && firstOf(ids).data.slice(0, padded);
  const sequence = await sequenceOf(model.source ?? model, own, expected);
  if (sequence.ids.length === 0) return [];
  const rows =
    sequence.positions ?? (padded === undefined ? undefined : Array.from({ length: padded }, (_, row) => row));
  // Both halves of an encoder-decoder read all of theirs.
  const read = model.source ? undefined : rows;
  const sinks = model.spec.blocks.some(({ attention }) => attention?.sinks !== undefined);
  const check = (name: string, found: ArrayLike<number | bigint> | undefined): void => {
    const array = expected.get(`output.${name}`);
    if (!array || !found) return;
    const attention = isAttention(name);
    const all = firstOf(array);
    const scored = attention && givesScores.test(reference) ? ofScores(all) : all;
    const grouped = model.spec.blocks.some((block) => block.attention?.groups) && name !== 'logits';
    const item = grouped ? ofTokens(scored, sequence.ids.length, attention, found) : scored;
    const first = cut(attention && item.shape.length === 4 ? fromBlocks(item, found.length) : item, read, attention);
    // Rows of cross-attention are of the source.
    const square = attention && !name.startsWith('cross');
    const rows = square ? wholeRows(first, sinks) : first.data;
    if (rows) compared.push({ name, error: difference(found, rows, !attention) });
  };
  // What a pair makes of its texts is compared without the other half: here parts of them are masked.
  const runsText = ids !== undefined && (model.multimodal !== undefined || !model.encoder);
  const spec = runsText || !model.encoder ? model.spec : model.encoder.spec;
  const sessions = runsText || !model.encoder ? model.sessions : model.encoder.sessions;
  const source = model.source && (await sourceOf(model.source, ids, check, sequence.embeddings));
  const decoder = expected.get('input.decoder_input_ids');
  const positions = doubledAlibi.test(reference) ? { positions: sequence.ids.map((_, row) => 2 * row) } : {};
  const result = await runPrompt(spec, sessions, {
    ...(source && decoder ? { ids: firstOf(decoder).data, source } : { ...sequence, ...positions }),
    ...(unmasked.test(reference) ? { prefix: sequence.ids.length } : {}),
    chunk: Math.max(sequence.ids.length, decoder?.data.length ?? 0),
    keepLast: true,
    logits: spec.head.vocabulary ? 'all' : 'none',
    taps: spec.blocks.flatMap(({ index: layer, cross }) => [
      { layer, tap: 'attention.probabilities' as const },
      ...(cross ? [{ layer, tap: 'cross.probabilities' as const }] : []),
    ]),
  });
  if (spec.head.vocabulary) check('logits', result.logits?.data);
  for (const [at, { index }] of withAttention(spec.blocks).entries()) {
    const { taps } = result.layers[index] ?? assert.fail();
    check(`${source ? 'decoder_' : ''}attentions.${at}`, taps['attention.probabilities']?.data);
    check(`cross_attentions.${at}`, taps['cross.probabilities']?.data);
  }
  const last = result.last?.chunks[0] ?? assert.fail();
  const { vision } = model;
  const norm = spec.embedding ? spec.head.norm : vision?.tower.norm;
  // AltCLIP gives the rows behind a norm and a projection that no attention reads.
  const projected = /^altclip--/.test(reference) ? await projectedRows(model, last) : undefined;
  check('last_hidden_state', projected ?? (norm ? await normed(model, norm, last) : last));
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

/** What the encoder of an encoder-decoder makes of a source, compared with its class. */
async function sourceOf(
  encoder: LoadedModel,
  ids: ExpectedArray | undefined,
  check: (name: string, found: ArrayLike<number | bigint> | undefined) => void,
  /** Rows of pictures among those of the source. */
  embeddings?: Sequence['embeddings'],
): Promise<SourceRows> {
  const source = { ids: firstOf(ids ?? assert.fail()).data, ...(embeddings ? { embeddings } : {}) };
  const { layers } = await runPrompt(encoder.spec, encoder.sessions, {
    ...source,
    chunk: source.ids.length,
    logits: 'none',
    taps: encoder.spec.blocks.map(({ index }) => ({ layer: index, tap: 'attention.probabilities' })),
  });
  for (const { layer, taps } of layers) check(`encoder_attentions.${layer}`, taps['attention.probabilities']?.data);
  const stream = await encodedSource(encoder, source, { memoryLimit: 4e9 });
  check('encoder_last_hidden_state', stream);
  return { ids: source.ids, stream };
}

/** The source of the first item of a batch, for a decoder. */
export async function sourceOfDecoder(
  { source }: LoadedModel,
  expected: ReadonlyMap<string, ExpectedArray>,
): Promise<Pick<Sequence, 'source'>> {
  const ids = expected.get('input.input_ids');
  if (!source || !ids) return {};
  const { embeddings } = await sequenceOf(source, firstOf(ids).data, expected);
  return { source: await sourceOf(source, ids, () => undefined, embeddings) };
}

/** Tokens one by one behind the first half, with a cache: the difference of their logits from those of the whole pass. */
export async function decodedDifference(
  model: LoadedModel,
  ids: readonly number[],
  source: Pick<Sequence, 'source'> = {},
): Promise<number> {
  const { spec, sessions } = model;
  const whole = await runPrompt(spec, sessions, { ...source, ids, chunk: ids.length, logits: 'all' });
  const half = Math.ceil(ids.length / 2);
  const start = { ...source, ids: ids.slice(0, half), chunk: 4, stepsAtOnce: true };
  const run = await SequenceRun.start(spec, sessions, start);
  const rows: number[] = [];
  for (const id of ids.slice(half)) rows.push(...(await run.extend([id])).logits);
  return difference(rows, [...(whole.logits?.data as Float32Array)].slice(-rows.length), true);
}

/** The text tower of AltCLIP, behind its layers. */
async function projectedRows(model: LoadedModel, rows: Float32Array): Promise<readonly number[]> {
  const size = model.spec.hiddenSize;
  const rowsNormed = await normed(
    model,
    { kind: 'layer', weight: 'pre_LN.weight', bias: 'pre_LN.bias', size, epsilon: 1e-5 },
    rows,
  );
  const tensors = readTensors(join(model.weightsFolder, 'model.safetensors'));
  const [matrix, bias] = ['weight', 'bias'].map((of) => tensors.get(`transformation.${of}`)?.data ?? assert.fail());
  return Array.from({ length: rows.length / size }, (_, row) =>
    [...(bias ?? [])].map((b, o) =>
      rowsNormed.slice(row * size, (row + 1) * size).reduce((sum, x, i) => sum + x * (matrix?.[o * size + i] ?? 0), b),
    ),
  ).flat();
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

interface ReadSequence extends Sequence {
  /** Positions of the rows that the class has, where some of them are left out. */
  readonly positions?: readonly number[];
}

async function sequenceOf(
  model: LoadedModel,
  ids: readonly number[] | undefined,
  expected: ReadonlyMap<string, ExpectedArray>,
): Promise<ReadSequence> {
  const pixels = expected.get('input.pixel_values') ?? expected.get('input.pixel_values_images');
  const { vision, multimodal } = model;
  if (ids && (!pixels || model.summary.unread !== undefined)) return readAlone(model, ids, expected);
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

/**
 * What a text part that runs alone reads: rows for the tokens of pictures as the class computes them, or, where it does not give them,
 * the text in front of the first picture. Tokens that are masked are left out, and the others keep their positions.
 */
async function readAlone(
  model: LoadedModel,
  ids: readonly number[],
  expected: ReadonlyMap<string, ExpectedArray>,
): Promise<ReadSequence> {
  const { description, spec } = model;
  const mask = expected.get('input.attention_mask');
  const seen = mask ? firstOf(mask).data : ids.map(() => 1);
  const width = spec.hiddenSize;
  /** By row: what the class computes of a picture there; empty where it is not given. */
  const pictures = new Map<number, readonly number[]>();
  for (const of of ['image', 'video'] as const) {
    const token = description.tokenIds.find(({ key }) => [`${of}_token_id`, `${of}_token_index`].includes(key))?.ids[0];
    const all = expected.get(`output.${of}_hidden_states`)?.data ?? [];
    const rows = ids.flatMap((id, row) => (id === token ? [row] : []));
    rows.forEach((row, at) => pictures.set(row, all.slice(at * width, (at + 1) * width)));
  }
  const end = ids.findIndex((_, row) => pictures.get(row)?.length === 0);
  const positions = ids.flatMap((_, row) => (seen[row] === 0 || (end >= 0 && row >= end) ? [] : [row]));
  const rows = positions.flatMap((row, at) => (pictures.has(row) ? [at] : []));
  const given = Float32Array.from(positions.flatMap((row) => pictures.get(row) ?? []));
  const data = await embedded(
    model,
    given,
    positions.filter((row) => pictures.has(row)),
  );
  return {
    ids: positions.map((row) => ids[row] ?? 0),
    positions,
    ...(rows.length === 0 ? {} : { embeddings: { rows, data } }),
  };
}

/** Rows of pictures as they enter the first layer: with positions, and behind the norm of the embedding, where a family adds them (BART). */
async function embedded(model: LoadedModel, rows: Float32Array, at: readonly number[]): Promise<Float32Array> {
  const { positions, norm, width = 1 } = model.spec.embedding ?? {};
  const table = readTensors(join(model.weightsFolder, 'model.safetensors')).get(positions?.weight ?? '')?.data;
  const offset = positions && 'offset' in positions ? positions.offset : 0;
  const placed = rows.map(
    (x, i) => x + (table?.[((at[Math.floor(i / width)] ?? 0) + offset) * width + (i % width)] ?? 0),
  );
  return norm && rows.length > 0 ? Float32Array.from(await normed(model, norm, placed)) : placed;
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
