/** Schemas of the requests about heads that read an image or another span. */
import type { Output, Schema } from '../schema/check';
import * as v from 'valibot';
import { InputError } from '../inputs/faults';
import { type Lexicon, classesFrom } from '../inputs/lexicon';
import { interventionsField } from '../interventions/interventions';
import { reinforcementRequest } from '../interventions/reinforcement';
import type { DatasetEntry } from '../results/hallucination-schema';
import { type FieldsOutput, filledText, flag, list, object, optional, texts, wholeFrom } from '../schema/fields';

import { measureFields, position, seed, spanFields } from './request-parts';
import { whereFields, promptInput, tokenIds } from '../inputs/prompt';

const visionFields = { ...whereFields, folder: filledText, prompt: promptInput };
const maxNewTokens = wholeFrom(1, 1 << 16);
const divergence = {
  /** Absent: max(1, round(heads / 8)). */
  k: optional(wholeFrom(1, 1 << 16)),
  /** Held in both passes; such as mean the same on any sequence, and no reinforcement. */
  interventions: optional(interventionsField),
};

/** The picture is part of the prompt; a prompt without one is for a span of text. */
export const visionPrompt = object(visionFields);
export type VisionPrompt = Output<typeof visionPrompt>;

const lexicon: Schema<Lexicon> = v.pipe(
  object({ classes: v.unknown(), publishedNames: optional(v.unknown()) }),
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

/** What is measured: two passes, one of which lacks `removed`. */
const divergenceFields = { ...visionFields, ...spanFields, ...divergence };
export type DivergenceRequest = FieldsOutput<typeof divergenceFields>;

/** How the words of a caption are judged. */
const judging = {
  /** Objects in the picture; absent: words are marked, not judged. */
  truth: optional(texts),
  /** Captions of the picture by people; with a truth, the objects that they name count as true. */
  references: optional(texts),
  /** Absent: the 80 classes of COCO. */
  lexicon: optional(lexicon),
};
export type Judging = FieldsOutput<typeof judging>;

export const hallucinationRequest = object({
  ...divergenceFields,
  ...judging,
  /** At least 1. */
  maxNewTokens,
  /** The tables of every step, not of the first alone. */
  keepSteps: optional(flag),
});
export type HallucinationRequest = Output<typeof hallucinationRequest>;

/** One later step of a caption. */
export const divergenceAtRequest = object({
  ...divergenceFields,
  /** Tokens generated before the step. */
  generated: tokenIds,
});
export type DivergenceAtRequest = Output<typeof divergenceAtRequest>;

export const imageMapRequest = object({
  ...visionFields,
  /** Tokens generated before the one that is asked about. */
  generated: tokenIds,
  /** More than one: their mean. */
  heads: list(object({ layer: position, head: position }), 'a list of layers and heads'),
  /** Interventions of the caption that the tokens belong to. */
  interventions: optional(interventionsField),
  /** The rows asked about where the prompt has no picture. */
  span: optional(object({ start: position, end: position })),
});
export type ImageMapRequest = Output<typeof imageMapRequest>;

/** What is to be timed: one picture of the folder stands for all. */
export const captionTimeRequest = object({
  ...visionFields,
  image: filledText,
  maxNewTokens,
  /** Texts with reinforced heads, beside the plain one. */
  reinforced: wholeFrom(0, 1 << 16),
  /** The divergence of every token is measured too. */
  measured: flag,
});
export type CaptionTimeRequest = Output<typeof captionTimeRequest>;

const imageWithTruth = object({ path: filledText, truth: texts, references: optional(texts) });
export type ImageWithTruth = Output<typeof imageWithTruth>;

const images = list(imageWithTruth, 'a list of paths with their truth');

const sample = optional(object({ count: wholeFrom(1, 1 << 24), seed }));

/** Entries go back as they came: only what finds them is checked. */
const doneEntry = v.looseObject({ name: filledText }, 'an object') as Schema<unknown> as Schema<DatasetEntry>;

/** One prompt for many pictures. */
export const hallucinationSetRequest = object({
  ...visionFields,
  ...measureFields,
  ...divergence,
  lexicon: judging.lexicon,
  maxNewTokens,
  images,
  /** How many of the images are taken; absent: all of them. */
  sample,
  /** Each makes a further caption of every picture. */
  reinforcements: list(reinforcementRequest),
  /** Entries of an earlier run that was stopped: not computed again. What the same request left on disk is taken too. */
  done: list(doneEntry, 'a list of entries'),
});
export type HallucinationSetRequest = Output<typeof hallucinationSetRequest>;
