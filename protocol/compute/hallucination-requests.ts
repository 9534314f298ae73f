/** Schemas of the requests about heads that read an image or another span. */
import * as v from 'valibot';
import { InputError } from '../inputs/faults';
import { classesFrom } from '../inputs/lexicon';
import { interventionsField } from '../interventions/interventions';
import type { DatasetEntry, PictureSample } from '../results/hallucination-schema';
import { popeReadings, popeSplits } from '../results/pope';
import type { Schema } from '../schema/check';
import { filledText, flag, list, object, oneOf, optional, texts, wholeFrom } from '../schema/fields';
import type {
  CaptionTimeRequest,
  DivergenceAtRequest,
  HallucinationRequest,
  HallucinationSetRequest,
  ImageMapRequest,
  ImageWithTruth,
  Lexicon,
  VisionPrompt,
} from './hallucination';
import type { PopeRequest } from './pope';
import { measureFields, position, reinforcementRequest, seed, spanFields } from './request-parts';
import { deviceField, promptInput, tokenIds } from '../inputs/prompt';

const visionFields = { ...deviceField, folder: filledText, prompt: promptInput };
const maxNewTokens = wholeFrom(1, 1 << 16);
const divergence = { k: optional(wholeFrom(1, 1 << 16)), interventions: optional(interventionsField) };

export const visionPrompt: Schema<VisionPrompt> = object<VisionPrompt>(visionFields);

const lexicon: Schema<Lexicon> = v.pipe(
  object<{ readonly classes: unknown; readonly publishedNames?: unknown }>({
    classes: v.unknown(),
    publishedNames: optional(v.unknown()),
  }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): Lexicon => {
    try {
      return { classes: classesFrom(value.classes), publishedNames: value.publishedNames === true };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      addIssue({ message: `The lexicon cannot be used: ${error.message}. Choose another one.` });
      return NEVER;
    }
  }),
);

export const hallucinationRequest: Schema<HallucinationRequest> = object<HallucinationRequest>({
  ...visionFields,
  ...spanFields,
  ...divergence,
  truth: optional(texts),
  references: optional(texts),
  lexicon: optional(lexicon),
  maxNewTokens,
  keepSteps: optional(flag),
});

export const divergenceAtRequest: Schema<DivergenceAtRequest> = object<DivergenceAtRequest>({
  ...visionFields,
  ...spanFields,
  ...divergence,
  generated: tokenIds,
});

export const imageMapRequest: Schema<ImageMapRequest> = object<ImageMapRequest>({
  ...visionFields,
  generated: tokenIds,
  heads: list(object({ layer: position, head: position }), 'a list of layers and heads'),
  interventions: optional(interventionsField),
  span: optional(object({ start: position, end: position })),
});

export const captionTimeRequest: Schema<CaptionTimeRequest> = object<CaptionTimeRequest>({
  ...visionFields,
  image: filledText,
  maxNewTokens,
  reinforced: wholeFrom(0, 1 << 16),
  measured: flag,
});

const images: Schema<readonly ImageWithTruth[]> = list(
  object<ImageWithTruth>({ path: filledText, truth: texts, references: optional(texts) }),
  'a list of paths with their truth',
);

const sample = optional(object<Pick<PictureSample, 'count' | 'seed'>>({ count: wholeFrom(1, 1 << 24), seed }));

/** Entries go back as they came: only what finds them is checked. */
const doneEntry = v.looseObject({ name: filledText }, 'an object') as Schema<unknown> as Schema<DatasetEntry>;

export const hallucinationSetRequest: Schema<HallucinationSetRequest> = object<HallucinationSetRequest>({
  ...visionFields,
  ...measureFields,
  ...divergence,
  lexicon: optional(lexicon),
  maxNewTokens,
  images,
  sample,
  reinforcements: list(reinforcementRequest),
  done: list(doneEntry, 'a list of entries'),
});

export const popeRequest: Schema<PopeRequest> = object<PopeRequest>({
  ...measureFields,
  ...deviceField,
  folder: filledText,
  prompt: filledText,
  chat: flag,
  images,
  sample,
  seed,
  splits: list(oneOf(popeSplits), `a list of ${popeSplits.join(', ')}`, { least: 1 }),
  readBy: oneOf(popeReadings),
  maxNewTokens,
  reinforcement: optional(reinforcementRequest),
});
