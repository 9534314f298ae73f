/** What the analysis `training-free` saves. */
import { interval } from '../../shared/statistics/proportion';
import type { Output } from '../../../protocol/schema/check';
import {
  pictureSample,
  captionedPictures,
  setScore,
  shareChange,
  truthLabels,
} from '../../../protocol/results/hallucination-schema';
import {
  count,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  orNull,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';

// A type and no interface: results are records.
const yesOrNo = oneOf(['yes', 'no'] as const);
const some = { most: 1000 };

const share = orNull(number);

const answer = object({ text, readAs: yesOrNo, clear: flag });
export type Answer = Output<typeof answer>;

/** Times by the clock for one caption; the first run of a method in a process is not timed. */
const decodingTime = object({
  /** From the embeddings of the picture to the first token: other passes of the method over the prompt included. */
  promptMs: number,
  /** Mean over the tokens after the first; null for a caption of one. */
  tokenMs: orNull(number),
});
export type DecodingTime = Output<typeof decodingTime>;

/** What one method made of one picture. */
const output = object({
  text,
  tokens: count,
  /** The caption was cut after so many tokens and would have gone on. */
  stoppedAt: optional(whole),
  /** Objects that it names and the picture does not have, each once. */
  wrong: texts,
  /** Wrong mentions / mentions; null without a mention. */
  chairI: share,
  /** Distinct true objects named / true objects; null without one. */
  recall: share,
  /** By question of the picture. */
  answers: list(answer, 'a list of answers', some),
  time: optional(decodingTime),
});
export type MethodOutput = Output<typeof output>;

const entry = object({
  name: text,
  /** Classes of the lexicon that the picture has. */
  truth: texts,
  questions: list(object({ object: text, label: yesOrNo }), 'a list of questions', some),
  /** By method; null where the method could not be run on the picture. */
  outputs: list(orNull(output), 'a list of captions', some),
});
export type PictureEntry = Output<typeof entry>;

/** The mean ratio of times, with its 95 % interval. */
const ratio = object({ ratio: number, low: number, high: number });
export type Ratio = Output<typeof ratio>;

/** Differences to the plain model on the same pictures, with 95 % intervals (`rows.ts` has the definitions); null: none can be given. */
const changes = object({
  chairS: shareChange,
  chairI: shareChange,
  recall: shareChange,
  f1: shareChange,
  /** Words. */
  length: shareChange,
  /** CHAIR_S where both captions of a picture are cut to the words of the shorter one. */
  chairSAtLength: shareChange,
  accuracy: shareChange,
  yesRatio: shareChange,
  /** Times of a token: method over plain. */
  time: orNull(ratio),
});
export type Changes = Output<typeof changes>;

const row = object({
  method: text,
  score: setScore,
  /** 95 %, Wilson, of the share of captions. */
  chairSInterval: orNull(interval),
  questions: whole,
  accuracy: share,
  yesRatio: share,
  /** Captions that are not the plain one, word for word. */
  different: whole,
  /** Answers whose first word is neither yes nor no. */
  unclear: whole,
  /** Captions that repeat themselves. */
  broken: whole,
  promptMs: orNull(number),
  tokenMs: orNull(number),
  /** Absent for the plain model. */
  changes: optional(changes),
});
export type MethodRow = Output<typeof row>;

const comparedMethod = object({ id: text, title: text, settings: text, source: text });
export type ComparedMethod = Output<typeof comparedMethod>;

export const trainingFreeResult = object({
  methods: list(comparedMethod, 'a list of methods', some),
  rows: list(row, 'a list of methods', some),
  entries: list(entry, 'a list of pictures', { most: 100_000 }),
  failures: captionedPictures.failures,
  /** Methods that could not be run, with the reason on the first picture. */
  leftOut: list(object({ method: text, pictures: count, why: text }), 'a list of methods', some),
  truthLabels,
  sample: pictureSample,
  /** Pictures of the run. */
  total: whole,
  /** Why nothing was asked; absent where questions were. */
  notAsked: optional(text),
});
export type TrainingFreeResult = Output<typeof trainingFreeResult>;
