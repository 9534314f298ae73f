/** The space that pictures and texts share, of a model with both encoders open. */
import type { JointSpace, Readout } from '../../diagnostics/model-runner/joint-space';
import type { TextPooling } from '../../models/architectures/model-spec';
import type { PicturePooling } from '../../models/architectures/vision-tower';
import { refusal } from '../../protocol/wire/failures';
import { mapWeights, normWeights, wholeTensor } from '../model/checkpoint/layer-weights';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { idsOfText } from '../model/prompt/prompt';
import { runPrompt } from '../model/run/stream/model-run';

/** Both ends of the space; undefined where the model has no such space. */
function endsOf({
  spec,
  vision,
}: LoadedModel): { text: TextPooling; picture: PicturePooling; width: number } | undefined {
  const [text, picture] = [spec.head.pooled, vision?.tower.pooled];
  if (!text || !picture || !vision) return undefined;
  const width = picture.kind === 'row' ? picture.project.outputs : vision.tower.stack.hiddenSize;
  return (spec.head.project?.outputs ?? spec.hiddenSize) === width ? { text, picture, width } : undefined;
}

export function jointSpaceOf(model: LoadedModel, signal: AbortSignal): JointSpace | undefined {
  const { vision, weights, weightsFolder: folder } = model;
  const ends = endsOf(model);
  if (!ends || !vision) return undefined;
  return {
    width: ends.width,
    async texts(texts) {
      const embeddings: Float32Array[] = [];
      for (const text of texts) {
        signal.throwIfAborted();
        embeddings.push(await embeddingOf(model, ends.text, text, signal));
      }
      return embeddings;
    },
    async readout(): Promise<Readout> {
      await model.requireUnchanged();
      const norm = await normWeights(vision.tower.norm, weights, folder);
      const { picture } = ends;
      if (picture.kind === 'row') {
        const project = await mapWeights(picture.project, weights, folder);
        return { norm, pooling: { kind: 'row', row: picture.row, project } };
      }
      const map = (name: 'query' | 'key' | 'value' | 'output' | 'up' | 'down') =>
        mapWeights(picture[name], weights, folder);
      return {
        norm,
        pooling: {
          kind: 'attention',
          probe: await wholeTensor(picture.probe, weights, folder),
          heads: picture.heads,
          query: await map('query'),
          key: await map('key'),
          value: await map('value'),
          output: await map('output'),
          norm: await normWeights(picture.norm, weights, folder),
          up: await map('up'),
          activation: picture.activation,
          down: await map('down'),
        },
      };
    },
  };
}

async function embeddingOf(
  model: LoadedModel,
  pooling: TextPooling,
  text: string,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { spec, sessions, weights, weightsFolder: folder } = model;
  const ids = idsOf(model, pooling, text);
  const { last } = await runPrompt(
    spec,
    sessions,
    { ids, chunk: ids.length, logits: 'none', plain: true, keepLast: true },
    { signal },
  );
  const width = spec.hiddenSize;
  const row = rowOf(pooling, ids);
  const stream = last?.chunks[0]?.subarray(row * width, (row + 1) * width);
  if (stream?.length !== width) throw new RangeError('the text encoder gave no row for the text');
  const { norm, project } = spec.head;
  const finished = norm ? normed(await normWeights(norm, weights, folder), stream) : Float64Array.from(stream);
  if (!project) return Float32Array.from(finished);
  const { data, rows, bias } = await mapWeights(project, weights, folder);
  return Float32Array.from({ length: rows }, (_, out) => {
    let sum = bias?.[out] ?? 0;
    for (let i = 0; i < width; i++) sum += (data[out * width + i] ?? 0) * (finished[i] ?? 0);
    return sum;
  });
}

/** The text as its encoder was trained to read it: with its end, and filled up where the last row is read. */
function idsOf(model: LoadedModel, pooling: TextPooling, text: string): readonly number[] {
  const longest = model.spec.contextLength ?? Infinity;
  const given = writtenIds(text) ?? encoded(model, pooling.kind === 'last' ? canonical(text) : text);
  const outside = given.find((id) => id >= model.summary.vocabulary);
  if (outside !== undefined) {
    const detail = `Token id ${outside} of the text "${text}" is outside the vocabulary of ${model.summary.vocabulary}.`;
    throw refusal(detail);
  }
  const ended = pooling.kind === 'token' && !given.includes(pooling.id) ? [...given, pooling.id] : given;
  // A text that is too long loses what stands before its last token, the end.
  const ids = ended.length > longest ? [...ended.slice(0, longest - 1), ended.at(-1) ?? 0] : ended;
  if (pooling.kind !== 'last') return ids;
  return [...ids, ...new Array<number>(Math.max(0, pooling.length - ids.length)).fill(pooling.padding)];
}

function writtenIds(text: string): readonly number[] | undefined {
  return /^\s*#\d+(\s+#\d+)*\s*$/u.test(text)
    ? Array.from(text.matchAll(/#(\d+)/gu), ([, id]) => Number(id))
    : undefined;
}

const encoded = (model: LoadedModel, text: string): readonly number[] =>
  idsOfText(model, (tokeniser) => tokeniser.encode(text));

/** transformers SiglipTokenizer: lower case, no ASCII punctuation, single spaces; the same again where tokenizer.json does it too. */
const canonical = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[!-/:-@[-`{-~]/gu, '')
    .replaceAll(/\s+/gu, ' ')
    .trim();

function rowOf(pooling: TextPooling, ids: readonly number[]): number {
  switch (pooling.kind) {
    case 'token':
      return ids.indexOf(pooling.id);
    case 'largest-id':
      return ids.indexOf(Math.max(...ids));
    case 'last':
      return ids.length - 1;
  }
}

function normed({ gain, bias, epsilon }: Awaited<ReturnType<typeof normWeights>>, row: Float32Array): Float64Array {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  const scale = 1 / Math.sqrt(variance + epsilon);
  return Float64Array.from(row, (value, i) => (value - mean) * scale * (gain[i] ?? 0) + (bias?.[i] ?? 0));
}
