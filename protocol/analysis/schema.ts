/** What an analysis is asked, and what it saved, checked. */
import * as v from 'valibot';
import type { EncoderInput, PromptInput } from '../compute/models';
import { deviceField } from '../compute/request-parts';
import { interventionsField } from '../interventions/interventions';
import type { AnalysisSetup } from '../panels/analyses';
import { planField } from '../plans/plan-file';
import { check, parseJson, type Checked, type Schema } from '../schema/check';
import {
  anyNumber,
  byKind,
  either,
  filledText,
  flag,
  list,
  number,
  object,
  optional,
  orNull,
  record,
  text,
  texts,
  wholeFrom,
  type Fields,
} from '../schema/fields';
import { chatPrompt, headOf, imageSpan, modelSummary, parity, placeFields, provenance } from '../schema/parts';
import { sections } from '../sections/schema';
import type { SectionQuestion } from '../sections/section';
import type { AnalysedPrompt, AnalysisInput, AnalysisRequest, AnalysisResult, Offer } from './analysis';
import type { ParameterValue, ParameterValues } from './parameters';
import type { TaskRequest } from './tasks';

const mostIds = 2 ** 24;
const ids = list(wholeFrom(0, 2 ** 31 - 1, 'a token id'), 'a list of token ids', { most: mostIds });

const textOrIds = (image: Schema<string>): Schema<PromptInput> =>
  byKind<PromptInput>({
    text: { text, chat: optional(flag), image: optional(image) },
    ids: { ids, image: optional(image) },
  });

export const anyPrompt = (image: Schema<string>): Schema<PromptInput | EncoderInput> =>
  byKind<PromptInput | EncoderInput>({
    text: { text, chat: optional(flag), image: optional(image) },
    ids: { ids, image: optional(image) },
    image: { image, tile: optional(wholeFrom(0, 1 << 16)) },
  });

const samples = wholeFrom(1, 100_000);

const value: Schema<ParameterValue> = either(
  either(number, text, 'a number or a text'),
  flag,
  'a number, a text, true or false',
);
export const parameterValues: Schema<ParameterValues> = record(value, 'an object of parameters');

/** `path`: of a name or a path, `count`: of samples; a form may hold less than a request. */
const inputOf = (path: Schema<string>, count: Schema<number>): Schema<AnalysisInput> =>
  byKind<AnalysisInput>({
    prompt: { prompt: anyPrompt(path) },
    'prompt-pair': { prompt: textOrIds(path), counterpart: textOrIds(path) },
    task: { task: path, samples: count, taskParameters: optional(parameterValues) },
    corpus: { file: path },
    image: { prompt: textOrIds(path) },
    'image-set': { folder: path, prompt: textOrIds(path), samples: count },
    none: {},
  });
export const analysisInput = inputOf(filledText, samples);

/** As it stands in a form, or is kept of one: a field may be empty or half typed. */
export const analysisSetup: Schema<AnalysisSetup> = object<AnalysisSetup>({
  analysis: text,
  folder: text,
  device: optional(text),
  input: inputOf(text, anyNumber),
  parameters: record(either(either(anyNumber, text, 'a number or a text'), flag, 'a number, a text, true or false')),
  interventions: interventionsField,
  seed: anyNumber,
});

export const analysisRequest: Schema<AnalysisRequest> = object<AnalysisRequest>({
  ...deviceField,
  analysis: filledText,
  folder: text,
  input: analysisInput,
  parameters: parameterValues,
  interventions: interventionsField,
  seed: wholeFrom(0, 2 ** 32 - 1),
  keepIn: optional(filledText),
});

export const taskRequest: Schema<TaskRequest> = object<TaskRequest>({
  ...deviceField,
  task: filledText,
  folder: optional(filledText),
  samples,
  seed: wholeFrom(0, 2 ** 32 - 1),
  parameters: parameterValues,
});

const place = wholeFrom(0, mostIds);
export const sectionQuestion: Schema<SectionQuestion> = object<SectionQuestion>({
  section: filledText,
  place: byKind<SectionQuestion['place']>({
    head: placeFields(),
    token: { token: place },
    row: { row: place },
    cell: { row: place, column: place },
    node: { id: text },
    edge: { from: text, to: text, input: optional(text) },
  }),
});

const analysedPrompt: Schema<AnalysedPrompt> = v.pipe(
  object<AnalysedPrompt>({
    text: orNull(text),
    ids,
    tokens: texts,
    image: optional(imageSpan),
    chatPrompt: optional(chatPrompt),
  }),
  v.check((prompt) => prompt.tokens.length === prompt.ids.length, 'a prompt with one token for each id'),
);

export const offer: Schema<Offer> = object<Offer>({
  title: text,
  description: text,
  interventions: interventionsField,
  plan: optional(planField),
});

const file: Fields<AnalysisResult> = {
  ...headOf('headscope-analysis', 'saved analysis'),
  ...provenance,
  analysis: filledText,
  title: text,
  model: modelSummary,
  input: analysisInput,
  prompts: list(analysedPrompt, 'a list of prompts', { most: 2 }),
  parameters: parameterValues,
  interventions: interventionsField,
  finding: text,
  // By the schema of the analysis, which the compute server has: it checks before it asks or compares.
  result: record(v.unknown(), 'an object'),
  sections,
  offers: optional(list(offer, 'a list of offers', { most: 256 })),
  parity: optional(parity),
  seconds: number,
};

export const analysisResult: Schema<AnalysisResult> = object<AnalysisResult>(file);

export const parseAnalysis = (content: string): Checked<AnalysisResult> => parseJson(analysisResult, content);
export const checkAnalysis = (given: unknown): Checked<AnalysisResult> => check(analysisResult, given, 'The result');

/** One field a line; NaN as null. */
export const analysisText = (result: AnalysisResult): string => `${JSON.stringify(result, undefined, 2)}\n`;
