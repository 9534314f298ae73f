/** Schemas of the requests about models, as the compute server checks them before anything runs. */
import type { Output } from '../schema/check';
import { steeringPositions } from './steering';
import { headField, layerField } from '../interventions/fields';
import { interventionsField } from '../interventions/interventions';
import { filledText, flag, list, numberFrom, object, oneOf, optional, wholeFrom } from '../schema/fields';
import { idsFields, position, seed } from './request-parts';
import { whereFields, promptInput, promptOrImage } from '../inputs/prompt';

/** What is to be timed: one picture of a folder stands for all. */
export const captionTimeRequest = object({
  ...whereFields,
  folder: filledText,
  prompt: promptInput,
  image: filledText,
  maxNewTokens: wholeFrom(1, 1 << 16),
  /** Texts with reinforced heads, beside the plain one. */
  reinforced: wholeFrom(0, 1 << 16),
  /** The divergence of every token is measured too. */
  measured: flag,
});
export type CaptionTimeRequest = Output<typeof captionTimeRequest>;

const oneHead = { ...idsFields, interventions: interventionsField, layer: layerField, head: headField };

export const headOutputsRequest = object(oneHead);

/** One row of one head: all probabilities of one query. */
export const headRowRequest = object({ ...oneHead, query: position });
export type HeadRowRequest = Output<typeof headRowRequest>;

const size = wholeFrom(1, 1 << 24);
const shown = wholeFrom(1, 2048);

export const headTileRequest = object({
  ...oneHead,
  rowStart: position,
  rowCount: size,
  columnStart: position,
  columnCount: size,
  outRows: shown,
  outColumns: shown,
});
export type HeadTileRequest = Output<typeof headTileRequest>;

export const nextTokensRequest = object({
  ...idsFields,
  /** One distribution per entry; the plain model comes first by itself. */
  variants: list(interventionsField, 'a list', { most: 64 }),
  top: wholeFrom(1, 1000),
});
export type NextTokensRequest = Output<typeof nextTokensRequest>;

export const generateRequest = object({
  ...whereFields,
  folder: filledText,
  prompt: promptInput,
  /** Held throughout; those that name positions act on positions of the prompt. */
  interventions: interventionsField,
  maxNewTokens: wholeFrom(0, 1 << 20),
  temperature: numberFrom(0, 100),
  topP: numberFrom(Number.MIN_VALUE, 1),
  seed,
  /** Statistics of the heads per generated token, for the live grid. */
  statistics: flag,
});
export type GenerateRequest = Output<typeof generateRequest>;

/** One run of the model on a prompt, and what is read of it. */
export const modelRunRequest = object({
  ...whereFields,
  folder: filledText,
  prompt: promptOrImage,
  interventions: interventionsField,
  /** Names of docs/model-taps.md. */
  taps: list(filledText, 'a list of names of taps', { most: 10_000 }),
  /** Rows for which taps are kept; absent: all. */
  rows: optional(list(position, 'a list of rows', { least: 1 })),
  /** Heads whose attention is read whole. */
  attention: list(object({ layer: layerField, head: headField }), 'a list of heads', { most: 10_000 }),
  statistics: flag,
  /** Absent: those of the last row, if the model has a language head. */
  logits: optional(oneOf(['last', 'all', 'none'])),
  /** Mean loss of the next token over the prompt. */
  loss: flag,
  /** How many of the most probable next tokens are named; absent: 10, if the model has a language head. */
  top: optional(wholeFrom(0, 1000)),
});
export type ModelRunRequest = Output<typeof modelRunRequest>;

export const servingMeasureRequest = object({
  ...whereFields,
  folder: filledText,
  /** Tokens of the prompt, any of the vocabulary. */
  prompt: wholeFrom(1, 1 << 16),
  /** Tokens that are decoded behind it. */
  tokens: wholeFrom(1, 4096),
});
export type ServingMeasureRequest = Output<typeof servingMeasureRequest>;

const texts = list(filledText, 'a list of prompts', { least: 1, most: 10_000 });

export const steeringRequest = object({
  ...whereFields,
  folder: filledText,
  toward: texts,
  from: texts,
  /** Texts are put into the chat template. */
  chat: optional(flag),
  /** Absent: all. */
  layers: optional(list(layerField, 'a list of layers', { least: 1, most: 1 << 16 })),
  position: oneOf(steeringPositions),
});
export type SteeringRequest = Output<typeof steeringRequest>;
