/** Schemas of the requests about models, as the compute server checks them before anything runs. */
import type { GenerateRequest, HeadRowRequest, HeadsRequest, HeadTileRequest, NextTokensRequest } from './models';
import type { NamedKeys } from '../inputs/named-keys';
import type { ServingMeasureRequest } from './serving';
import { steeringPositions, type SteeringRequest } from './steering';
import { headField, layerField } from '../interventions/fields';
import { interventionsField } from '../interventions/interventions';
import type { Schema } from '../schema/check';
import { filledText, flag, list, numberFrom, object, oneOf, optional, wholeFrom } from '../schema/fields';
import { idsFields, position, seed } from './request-parts';
import { deviceField, promptInput, promptOrImage, tokenIds } from '../inputs/prompt';

export const headsRequest: Schema<HeadsRequest> = object<HeadsRequest>({
  ...deviceField,
  folder: filledText,
  prompt: promptOrImage,
  interventions: interventionsField,
  chunk: optional(wholeFrom(1, 1 << 16)),
  groups: optional(list(object<NamedKeys>({ name: filledText, positions: tokenIds }))),
  classify: flag,
  causal: flag,
  thumbnails: flag,
  seed,
});

const oneHead = { ...idsFields, interventions: interventionsField, layer: layerField, head: headField };

export const headOutputsRequest = object<Omit<HeadRowRequest, 'query'>>(oneHead);

export const headRowRequest = object<HeadRowRequest>({ ...oneHead, query: position });

const size = wholeFrom(1, 1 << 24);
const shown = wholeFrom(1, 2048);

export const headTileRequest = object<HeadTileRequest>({
  ...oneHead,
  rowStart: position,
  rowCount: size,
  columnStart: position,
  columnCount: size,
  outRows: shown,
  outColumns: shown,
});

export const nextTokensRequest: Schema<NextTokensRequest> = object<NextTokensRequest>({
  ...idsFields,
  variants: list(interventionsField, 'a list', { most: 64 }),
  top: wholeFrom(1, 1000),
});

export const generateRequest: Schema<GenerateRequest> = object<GenerateRequest>({
  ...deviceField,
  folder: filledText,
  prompt: promptInput,
  interventions: interventionsField,
  maxNewTokens: wholeFrom(0, 1 << 20),
  temperature: numberFrom(0, 100),
  topP: numberFrom(Number.MIN_VALUE, 1),
  seed,
  statistics: flag,
});

export const servingMeasureRequest: Schema<ServingMeasureRequest> = object<ServingMeasureRequest>({
  ...deviceField,
  folder: filledText,
  prompt: wholeFrom(1, 1 << 16),
  tokens: wholeFrom(1, 4096),
});

const texts = list(filledText, 'a list of prompts', { least: 1, most: 10_000 });

export const steeringRequest: Schema<SteeringRequest> = object<SteeringRequest>({
  ...deviceField,
  folder: filledText,
  toward: texts,
  from: texts,
  chat: optional(flag),
  layers: optional(list(layerField, 'a list of layers', { least: 1, most: 1 << 16 })),
  position: oneOf(steeringPositions),
});
