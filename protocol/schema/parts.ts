/** What several kinds of saved files and messages hold. */
import type { Output, Schema } from './check';
import * as v from 'valibot';

import type { HeadPlace } from './written-form';

import {
  type FieldsOutput,
  anyFields,
  count,
  either,
  record,
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

/** What is less exact than the checkpoint's numbers in float32: weights, or the activations that they multiply. */
const inexact = ['float16', 'q8', 'q4', 'int8-activations'] as const;
export const inexactHeld = oneOf(inexact);

/** What linear layers are computed on: exact weights in float32, or something less exact. */
const held = oneOf(['float32', ...inexact]);
export type HeldWeights = Output<typeof held>;

/** The most devices that share a model, each named once a part. */
export const mostDevices = 64;

const devicePart = object({
  id: text,
  name: text,
  /** From 0, both included; absent: none. */
  layers: optional(object({ first: whole, last: whole })),
  embedding: optional(flag),
  head: optional(flag),
  /** Of the weights as they are opened; of a part of the CPU, those that are read from the disk in each pass are counted too. */
  weightBytes: whole,
  /** What a run may take there; absent: not known, or the CPU's, which has the memory limit. */
  memoryBytes: optional(whole),
});
export type DevicePart = Output<typeof devicePart>;

const device = object({
  /** Of several devices: each with its layers (`webgpu:0-11,cpu:12-23`). */
  id: text,
  provider: text,
  name: text,
  /** 0: as many as the runtime chooses. */
  threads: number,
  /** Version of the runtime, e.g. `onnxruntime-node 1.30.0`. */
  runtime: text,
  platform: text,
  /** Sentences that say which parts of a model ran on the CPU instead, and why. */
  onCpu: optional(texts),
  /** What was asked for, where that is not the id: `auto`, or devices that share the layers by memory. */
  asked: optional(text),
  /** Where several devices hold a model: what each of them holds, in the order of the layers. */
  parts: optional(list(devicePart, 'a list of what devices hold', { most: mostDevices + 1 })),
});
export type DeviceSummary = Output<typeof device>;

/** What made a result; stored with every result and export (contracts: `headscope`, `created`, `device`, `settings`, `seed`). */
export const provenance = {
  /** Version of Headscope. */
  headscope: text,
  /** ISO 8601 time. */
  created: text,
  device,
  /** What linear layers of the model were computed on; absent: exact weights (results before this field), or no model. */
  weights: optional(held),
  settings: anyFields,
  seed: number,
};
export type Provenance = FieldsOutput<typeof provenance>;

/** A prompt that was put into the chat template of its model: what the model really read, and why. */
export const chatPrompt = object({
  /** As the template rendered it, before the image token is widened to the tokens of the picture. */
  text,
  /** `asked`: the person chose the template; `no-image-token`: a picture came with a text that has no place for it. */
  why: oneOf(['asked', 'no-image-token']),
});
export type ChatPrompt = Output<typeof chatPrompt>;

const parameterValue = either(either(number, text, 'a number or a text'), flag, 'a number, a text, true or false');
export type ParameterValue = Output<typeof parameterValue>;

/** Parameters of an analysis, a task or a module, by name. */
export const parameterValues = record(parameterValue, 'an object of parameters');
export type ParameterValues = Output<typeof parameterValues>;

/** ratio = baseline time / mechanism time by interleaved pairs: above 1 is faster than the baseline. */
export const ratio = object({
  /** Hodges-Lehmann estimate of the median ratio, over the logarithms. */
  median: number,
  /** 95 % interval of the signed-rank test: it leaves 1 out exactly when p < 5 %. With fewer than six pairs the whole range. */
  low: number,
  high: number,
  /** Two-sided Wilcoxon signed-rank test over the logarithms of the pairs. */
  p: number,
});
export type Ratio = Output<typeof ratio>;

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
    // None where no layer has heads.
    heads: wholeFrom(0, most, `a whole number from 0 to ${most}${bound}`),
  };
}

/** One value for each layer and head. */
export const perHead = <T>({ layers, heads }: Size, item: Schema<T>): Schema<readonly (readonly T[])[]> =>
  listOf(layers, listOf(heads, item, `a list of ${heads} heads`), `a list of ${layers} layers`);

export const figurePerHead = (size: Size): Schema<readonly (readonly number[])[]> => perHead(size, figure);
export const flagPerHead = (size: Size): Schema<readonly (readonly boolean[])[]> => perHead(size, flag);

export const anySize: Size = { layers: mostLayers, heads: mostHeads };

export const placeFields = ({ layers, heads }: Size = anySize): Fields<HeadPlace> => ({
  layer: wholeFrom(0, layers - 1, `a layer from 0 to ${layers - 1}`),
  head: wholeFrom(0, heads - 1, `a head from 0 to ${heads - 1}`),
});

const headGain = (size?: Size) => object({ ...placeFields(size), gain: number });
export type HeadGain = Output<ReturnType<typeof headGain>>;

export const headGains = (size?: Size): Schema<readonly HeadGain[]> =>
  list(headGain(size), 'a list', { most: mostHeadsInAll });

const visionSummary = object({
  family: text,
  layers: count,
  heads: count,
  headDim: count,
  hiddenSize: count,
  /** Pixels of a side of the image that the encoder takes, and of a patch. */
  imageSize: count,
  patchSize: count,
  /** Id of the token that stands for an image in a prompt; absent where the encoder stands alone. */
  imageToken: optional(whole),
  /** True, or the sentence that says why images cannot be used. */
  processor: trueOrWhy,
});
export type VisionSummary = Output<typeof visionSummary>;

/** The encoder of an encoder-decoder; what stands beside it in the summary is that of the decoder. */
const sourceSummary = object({
  layers: count,
  heads: count,
  kvHeads: count,
  /** Tokens that a source may have; absent: any number. */
  contextLength: optional(count),
});
export type SourceSummary = Output<typeof sourceSummary>;

export const modelSummary = object({
  /** Path of the folder. */
  folder: text,
  /** Path of the adapter that was put on it; absent: none, or the folder is that of an adapter. */
  adapter: optional(text),
  name: text,
  family: text,
  /** SHA-256 over the config, the tokenizer, the headers of the data files and 4 KiB of each of at most 2,048 tensors: a copy has the same. */
  hash: text,
  layers: count,
  // None where no layer has heads.
  heads: whole,
  // None where no layer has attention.
  kvHeads: whole,
  headDim: whole,
  hiddenSize: count,
  // None where a vision encoder stands alone.
  vocabulary: whole,
  /** Tokens that a prompt and its continuation may take together, a stretched rotary form counted in. */
  contextLength: optional(count),
  causal: flag,
  weightBytes: whole,
  dtypes: texts,
  /** True if its weights are quantised in its files; they are not quantised again. Absent if none is. */
  quantised: optional(flag),
  /** By layer: tokens of the window, on either side where the model is not causal, or null. */
  windows: list(orNull(count), 'a list', { most: mostLayers }),
  /** True, or the sentence that says why text cannot be used (token ids still can). */
  tokenizer: trueOrWhy,
  /** True when the tokenizer config brings a chat template. */
  chatTemplate: flag,
  /** The vision encoder of a model that reads images (itself, where it reads nothing else); absent: it reads text alone. */
  vision: optional(visionSummary),
  /** What of pictures and sound is not read, and why: the model has parts for them, and its text part runs alone. */
  unread: optional(text),
  /** Present where the model is an encoder-decoder: a prompt is a source and a target. */
  source: optional(sourceSummary),
  /** True where another program wrote its attention: nothing of it is run. */
  captured: optional(flag),
  /** Sentences on what the checkpoint holds and the run leaves unread, and on what its device does otherwise than the CPU. */
  notes: optional(texts),
  /** What its linear layers are computed on; absent: exact weights. */
  weights: optional(held),
  /** Where it was opened; absent: on the CPU. */
  device: optional(device),
});
export type ModelSummary = Output<typeof modelSummary>;

export const parity = object({
  /** Largest |instrumented - plain| logit; the plain run is that of the CPU in float32 whatever device the other is on. */
  maxLogitError: figure,
  /** Largest |instrumented - plain| over the residual stream after each layer. */
  layerErrors: list(figure, 'a list of errors', { most: mostLayers }),
  /** Layer with the largest error, when there is one. */
  worstLayer: optional(whole),
  ok: flag,
  /** Name of the device of the run, where that is not the CPU. */
  device: optional(text),
  /** The largest error of a logit that is ok there, or with these weights. */
  tolerance: optional(figure),
  /** Where linear layers are not computed on exact weights: on what. The plain run has exact weights. */
  weights: optional(inexactHeld),
  /** In the same run: at how many of the compared positions both have the same most likely next token. */
  greedy: optional(object({ same: whole, positions: whole })),
});
export type Parity = Output<typeof parity>;

/** The most tiles of a picture: no model reads more. */
const mostTiles = 4096;
/** Image tokens on a side of a tile: no model reads more. */
const side = wholeFrom(1, 4096);

/** A rectangle of the picture that became rows x columns image tokens. */
const imageTile = object({
  /** In pixels of the picture; what a crop cut away lies outside of every tile. */
  x: number,
  y: number,
  width: number,
  height: number,
  rows: side,
  columns: side,
  /** Cell (r, c) is image token `first + r * stride + c`, counted among the image tokens from 0. */
  first: whole,
  /** `columns`, or one more where a newline token ends each row. */
  stride: side,
});
export type ImageTile = Output<typeof imageTile>;

/** Where a picture stands in the sequence that a language model reads, and which part of the picture each token shows. */
export const imageSpan = object({
  /** File name. */
  name: text,
  /** As it was given. */
  path: text,
  sha256: text,
  /** Pixels of the picture as it is shown: turned as its EXIF orientation says. */
  width: count,
  height: count,
  /** Rows [start, end) of the sequence stand for the picture: image tokens, and the separators between its tiles. */
  start: whole,
  end: whole,
  /** Image tokens in all (newline tokens included, separators not). */
  tokens: count,
  /** The whole picture first. */
  tiles: list(imageTile, 'a list of tiles', { least: 1, most: mostTiles }),
});
export type ImageSpan = Output<typeof imageSpan>;
