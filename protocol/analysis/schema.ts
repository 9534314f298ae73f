/** What an analysis is asked, and what it saved, checked. */
import * as v from 'valibot';
import { ownFile, ownFileRead } from '../inputs/own-file';
import { whereFields } from '../inputs/prompt';
import { weightChoice } from '../inputs/weights';
import { interventionsField } from '../interventions/interventions';
import { reinforcementRequest } from '../interventions/reinforcement';

import { planField } from '../plans/plan-file';
import { type Output, check, parseJson, type Checked, type Schema } from '../schema/check';
import {
  ensure,
  anyNumber,
  byKind,
  count,
  either,
  exactly,
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
  whole,
  wholeFrom,
} from '../schema/fields';
import {
  chatPrompt,
  headOf,
  imageSpan,
  modelSummary,
  mostHeadsInAll,
  parameterValues,
  parity,
  placeFields,
  provenance,
} from '../schema/parts';
import { sections } from '../sections/section';

const mostIds = 2 ** 24;
const ids = list(wholeFrom(0, 2 ** 31 - 1, 'a token id'), 'a list of token ids', { most: mostIds });

/** `target` as in `promptInput`. */
const writtenKinds = (image: Schema<string>) => ({
  text: { text, chat: optional(flag), image: optional(image), target: optional(text) },
  ids: { ids, image: optional(image), target: optional(ids) },
});

const textOrIds = (image: Schema<string>) => byKind(writtenKinds(image));

export const anyPrompt = (image: Schema<string>) =>
  byKind({
    ...writtenKinds(image),
    image: { image, tile: optional(wholeFrom(0, 1 << 16)) },
  });

const samples = wholeFrom(1, 100_000);

/** `path`: of a name or a path, `count`: of samples; a form may hold less than a request. */
const inputOf = (path: Schema<string>, count: Schema<number>) =>
  byKind({
    prompt: { prompt: anyPrompt(path) },
    'prompt-pair': { prompt: textOrIds(path), counterpart: textOrIds(path) },
    /** A task of the catalogue by its id, or a file of a person's own (JSONL, CSV of facts, or a task file). */
    task: {
      task: path,
      samples: count,
      /** Parameters of the task, by its table; defaults stand for those left out. */
      taskParameters: optional(parameterValues),
    },
    /** A JSONL or text file, or a folder of them (docs/corpus.md). */
    corpus: { file: path },
    image: { prompt: textOrIds(path) },
    'image-set': { folder: path, prompt: textOrIds(path), samples: count },
    none: {},
  });
/** What an analysis reads, as a person gives it. */
export type AnalysisInput = Output<ReturnType<typeof inputOf>>;

export const analysisInput = inputOf(filledText, samples);

/** What a person has typed and chosen: kept for reload, and enough to start the run again. A field may be empty or half typed. */
export const analysisSetup = object({
  analysis: text,
  folder: text,
  /** Where it runs; absent: on the device of the setting. */
  device: optional(text),
  /** How the weights are held; absent: as the setting says. */
  weights: optional(weightChoice),
  /** Folder of the adapter that is put on the model; absent: none. */
  adapter: optional(text),
  input: inputOf(text, anyNumber),
  parameters: record(either(either(anyNumber, text, 'a number or a text'), flag, 'a number, a text, true or false')),
  interventions: interventionsField,
  seed: anyNumber,
});
export type AnalysisSetup = Output<typeof analysisSetup>;

/** One of the parts that a set of examples is cut into. Its steps are kept for the run of the whole set, which joins them. */
const part = object({ number: count, of: count });
export type Part = Output<typeof part>;

export const analysisRequest = object({
  ...whereFields,
  analysis: filledText,
  /** The analysis file that it is; absent: one of the catalogue. */
  file: optional(ownFile),
  /** The task file that the input names: its code is run for nobody else. */
  taskFile: optional(ownFile),
  /** The folder of the model; empty where the analysis trains its own. */
  folder: text,
  input: analysisInput,
  /** By the names of the table; defaults stand for those left out. */
  parameters: parameterValues,
  interventions: interventionsField,
  seed: wholeFrom(0, 2 ** 32 - 1),
  /** Folder that keeps the steps while the run works; absent: the cache of the compute server. */
  keepIn: optional(filledText),
  /** Absent: the whole set. */
  part: optional(part),
});
export type AnalysisRequest = Output<typeof analysisRequest>;

export const taskRequest = object({
  ...whereFields,
  /** Id of the catalogue, or the path of a JSONL or CSV file or of a task file. */
  task: filledText,
  /** The task file that it is: its code is run for nobody else. */
  taskFile: optional(ownFile),
  /** Model that answers; absent: prompts as text alone. */
  folder: optional(filledText),
  samples,
  seed: wholeFrom(0, 2 ** 32 - 1),
  /** By the table of the task; defaults stand for those left out. */
  parameters: parameterValues,
  /** Folder that keeps the steps while the run works; absent: the cache of the compute server. */
  keepIn: optional(filledText),
  /** Absent: all samples. */
  part: optional(part),
});
export type TaskRequest = Output<typeof taskRequest>;

const place = wholeFrom(0, mostIds);
/** What is asked of one thing in a section (`Analysis.ask`), or for more of it (`Analysis.extend`). */
export const sectionQuestion = object({
  section: filledText,
  place: byKind({
    head: placeFields(),
    /** Several heads together, at a token of the text that the section shows; absent: at its first. */
    heads: {
      heads: list(object(placeFields()), 'a list of heads', { least: 1, most: mostHeadsInAll }),
      token: optional(place),
    },
    token: { token: place },
    row: { row: place },
    cell: { row: place, column: place },
    node: { id: text },
    edge: { from: text, to: text, input: optional(text) },
    /** The same text once more, with scaled heads. */
    variant: { reinforcement: reinforcementRequest },
  }),
});
export type SectionQuestion = Output<typeof sectionQuestion>;

const sourceText = ensure(
  object({ text: orNull(text), ids, tokens: texts }),
  (source) => source.tokens.length === source.ids.length,
  'a source with one token for each id',
);
export type SourceText = Output<typeof sourceText>;

/** What was read, as it was read. */
const analysedPrompt = ensure(
  object({
    text: orNull(text),
    ids,
    tokens: texts,
    image: optional(imageSpan),
    chatPrompt: optional(chatPrompt),
    /** For an encoder-decoder what its encoder read; the ids beside it are the rows of the decoder. */
    source: optional(sourceText),
    /** How many of the last ids the model wrote by itself, where no target was given. */
    written: optional(whole),
    /** Which of several prompts that were read this is, e.g. `sample 1 of 32`; absent: the one that was given. */
    example: optional(text),
  }),
  (prompt) => prompt.tokens.length === prompt.ids.length,
  'a prompt with one token for each id',
);
export type AnalysedPrompt = Output<typeof analysedPrompt>;

/** Which documents were read, so that a change of their files is found. */
const corpusRead = object({
  /** Of the documents, hex. */
  sha256: filledText,
  documents: count,
});
export type CorpusRead = Output<typeof corpusRead>;

/** What a person can apply elsewhere in one click. */
export const offer = object({
  title: text,
  /** One sentence: what it does and how it was chosen. */
  description: text,
  interventions: interventionsField,
  /** A cache plan that can be saved, edited and evaluated; `interventions` applies it. */
  plan: optional(planField),
});
export type Offer = Output<typeof offer>;

const file = {
  ...headOf('headscope-analysis', 'saved analysis'),
  ...provenance,
  analysis: filledText,
  /** The analysis file that gave it; absent: one of the catalogue. */
  file: optional(ownFileRead),
  /** The task file that gave its prompts. */
  taskFile: optional(ownFileRead),
  title: text,
  model: modelSummary,
  /** A path is empty where the file of an earlier version does not say it. */
  input: inputOf(text, samples),
  /** The documents that were read; absent where there were none, and in files of earlier versions. */
  corpus: optional(corpusRead),
  /** The prompts that were read: one, or the prompt and its counterpart; of a task or a corpus at most two as examples. */
  prompts: list(analysedPrompt, 'a list of prompts', { most: 2 }),
  parameters: parameterValues,
  interventions: interventionsField,
  finding: text,
  // By the schema of the analysis, which the compute server has: it checks before it asks or compares. NaN is
  // written as null.
  result: record(v.unknown(), 'an object'),
  sections,
  offers: optional(list(offer, 'a list of offers', { most: 256 })),
  /** The run was cancelled, and this is what was known by then: the same request goes on. Absent: it ended. */
  stopped: optional(exactly(true)),
  /** The instrumented run against the plain model on the first prompt; absent where no prompt was read. */
  parity: optional(parity),
  seconds: number,
};

/** A result as it is shown, saved (`*.headscope-analysis.json`) and printed (`headscope run`). */
export const analysisResult = object(file);
export type AnalysisResult = Output<typeof analysisResult>;

export const parseAnalysis = (content: string): Checked<AnalysisResult> => parseJson(analysisResult, content);
export const checkAnalysis = (given: unknown): Checked<AnalysisResult> => check(analysisResult, given, 'The result');

/** One field a line; NaN as null. */
export const analysisText = (result: AnalysisResult): string => `${JSON.stringify(result, undefined, 2)}\n`;
