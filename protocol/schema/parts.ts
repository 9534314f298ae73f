/** What several kinds of saved files and messages hold. */
import * as v from 'valibot';
import type { ChatPrompt } from '../results/chat-prompt';
import type { HeadGain, ModelSummary, Parity, VisionSummary } from '../results/heads';
import type { ImageSpan, ImageTile } from '../results/image';
import type { DeviceSummary, Provenance } from '../results/provenance';
import type { Schema } from './check';
import {
  anyFields,
  count,
  exactly,
  fieldsIn,
  figure,
  flag,
  list,
  listOf,
  number,
  object,
  oneOf,
  optional,
  orNull,
  text,
  texts,
  trueOrWhy,
  whole,
  wholeFrom,
  wholeOf,
  type Fields,
} from './fields';

/** The first two fields of every saved file; they are looked at before the rest. `what`: as the sentence calls the file. */
export const headOf = <const K extends string>(kind: K, what: string): Fields<{ kind: K; version: 1 }> => ({
  kind: exactly(kind, `"${kind}", so this is no ${what} of Headscope`),
  version: v.literal(1, ({ input }) =>
    typeof input === 'number' && input > 1
      ? `It was written in format ${input}, and this Headscope reads format 1: update Headscope.`
      : '1',
  ),
});

/** What linear layers are computed on. */
const held = oneOf(['float32', 'float16', 'q8', 'q4']);

const device: Schema<DeviceSummary> = object<DeviceSummary>({
  id: text,
  provider: text,
  name: text,
  threads: number,
  runtime: text,
  platform: text,
  onCpu: optional(texts),
});

export const provenance: Fields<Provenance> = {
  headscope: text,
  created: text,
  device,
  weights: optional(held),
  settings: anyFields,
  seed: number,
};

export const chatPrompt: Schema<ChatPrompt> = object<ChatPrompt>({ text, why: oneOf(['asked', 'no-image-token']) });

/** Largest side of a table. */
export const mostLayers = 1024;
export const mostHeads = 1024;
/**
 * Heads of a result in all. The largest models that are public have 16,128 (126 layers of 128 heads); a grid of so many is
 * drawn in about a second.
 */
export const mostHeadsInAll = 16_384;

/** [layers][heads], of any kind of heads. */
export const figuresPerHead: Schema<readonly (readonly number[])[]> = list(
  list(figure, 'a list of heads', { most: mostHeads }),
  'a list of layers',
  { most: mostLayers },
);

export interface Size {
  readonly layers: number;
  readonly heads: number;
}

/** What a value of unknown kind says of its size, so that its tables can be held against it; 0 where it says nothing. */
export function sizeOf(value: unknown): Size {
  const { layers, heads } = fieldsIn(value);
  return { layers: wholeOf(layers), heads: wholeOf(heads) };
}

/** They stand before the tables that they bound. */
export function sizeFields({ layers }: Size): Fields<Size> {
  const most = Math.max(1, Math.min(mostHeads, Math.floor(mostHeadsInAll / Math.max(1, layers))));
  const bound = most < mostHeads ? `: with ${layers} layers there is room for no more` : '';
  return {
    layers: wholeFrom(1, mostLayers),
    heads: wholeFrom(1, most, `a whole number from 1 to ${most}${bound}`),
  };
}

/** One value for each layer and head. */
export const perHead = <T>({ layers, heads }: Size, item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  listOf(layers, listOf(heads, item, `a list of ${heads} heads`), `a list of ${layers} layers`);

export const figurePerHead = (size: Size): Schema<readonly (readonly number[])[]> => perHead(size, figure);
export const flagPerHead = (size: Size): Schema<readonly (readonly boolean[])[]> => perHead(size, flag);

export const anySize: Size = { layers: mostLayers, heads: mostHeads };

export const placeFields = ({ layers, heads }: Size = anySize): Fields<Pick<HeadGain, 'layer' | 'head'>> => ({
  layer: wholeFrom(0, layers - 1, `a layer from 0 to ${layers - 1}`),
  head: wholeFrom(0, heads - 1, `a head from 0 to ${heads - 1}`),
});

export const headGains = (size?: Size): Schema<readonly HeadGain[]> =>
  list(object<HeadGain>({ ...placeFields(size), gain: number }), 'a list', { most: mostHeadsInAll });

export const modelSummary: Schema<ModelSummary> = object<ModelSummary>({
  folder: text,
  name: text,
  family: text,
  hash: text,
  layers: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  hiddenSize: count,
  // None where a vision encoder stands alone.
  vocabulary: whole,
  contextLength: optional(count),
  causal: flag,
  weightBytes: whole,
  dtypes: texts,
  windows: list(orNull(count), 'a list', { most: mostLayers }),
  tokenizer: trueOrWhy,
  chatTemplate: flag,
  vision: optional(
    object<VisionSummary>({
      family: text,
      layers: count,
      heads: count,
      headDim: count,
      hiddenSize: count,
      imageSize: count,
      patchSize: count,
      imageToken: optional(whole),
      processor: trueOrWhy,
    }),
  ),
  notes: optional(texts),
  weights: optional(held),
  device: optional(device),
});

export const parity: Schema<Parity> = object<Parity>({
  maxLogitError: figure,
  layerErrors: list(figure, 'a list of errors', { most: mostLayers }),
  worstLayer: optional(whole),
  ok: flag,
  device: optional(text),
  tolerance: optional(figure),
  weights: optional(oneOf(['float16', 'q8', 'q4'])),
  greedy: optional(object<NonNullable<Parity['greedy']>>({ same: whole, positions: whole })),
});

/** Of a tile in image tokens, and of the tiles of a picture: more is no picture that a model reads. */
const mostTiles = 4096;
const side = wholeFrom(1, 4096);

export const imageSpan: Schema<ImageSpan> = object<ImageSpan>({
  name: text,
  path: text,
  sha256: text,
  width: count,
  height: count,
  start: whole,
  end: whole,
  tokens: count,
  tiles: list(
    object<ImageTile>({
      x: number,
      y: number,
      width: number,
      height: number,
      rows: side,
      columns: side,
      first: whole,
      stride: side,
    }),
    'a list of tiles',
    { least: 1, most: mostTiles },
  ),
});
