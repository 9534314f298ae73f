/** What the analysis `training-free` saves. */
import type { CaptionSetScore, PictureSample, ShareChange, TruthLabels } from '../../../protocol/results/hallucination';
import { captionedPictures, setScore, shareChange, truthLabels } from '../../../protocol/results/hallucination-schema';
import type { Schema } from '../../../protocol/schema/check';
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
import type { Interval } from '../../shared/statistics/proportion';

export interface ComparedMethod {
  readonly id: string;
  readonly title: string;
  readonly settings: string;
  readonly source: string;
}

export interface AskedQuestion {
  readonly object: string;
  readonly label: 'yes' | 'no';
}

export interface Answer {
  readonly text: string;
  readonly readAs: 'yes' | 'no';
  readonly clear: boolean;
}

/** Of the clock, for one caption; the first run of a method in a process is not timed. */
export interface DecodingTime {
  /** From the embeddings of the picture to the first token: other passes of the method over the prompt included. */
  readonly promptMs: number;
  /** Of each token after the first, mean; null for a caption of one. */
  readonly tokenMs: number | null;
}

/** What one method made of one picture. */
export interface MethodOutput {
  readonly text: string;
  readonly tokens: number;
  /** The caption was cut after so many tokens and would have gone on. */
  readonly stoppedAt?: number;
  /** Objects that it names and the picture does not have, each once. */
  readonly wrong: readonly string[];
  /** Wrong mentions / mentions; null without a mention. */
  readonly chairI: number | null;
  /** Distinct true objects named / true objects; null without one. */
  readonly recall: number | null;
  /** By question of the picture. */
  readonly answers: readonly Answer[];
  readonly time?: DecodingTime;
}

export interface PictureEntry {
  readonly name: string;
  /** Classes of the lexicon that the picture has. */
  readonly truth: readonly string[];
  readonly questions: readonly AskedQuestion[];
  /** By method; null where the method could not be run on the picture. */
  readonly outputs: readonly (MethodOutput | null)[];
}

/** The mean ratio of times, with its 95 % interval. */
export interface Ratio {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** Differences to the plain model on the same pictures, with 95 % intervals (`rows.ts` has the definitions); null: none can be given. */
export interface Changes {
  readonly chairS: ShareChange | null;
  readonly chairI: ShareChange | null;
  readonly recall: ShareChange | null;
  readonly f1: ShareChange | null;
  /** Words. */
  readonly length: ShareChange | null;
  /** CHAIR_S where both captions of a picture are cut to the words of the shorter one. */
  readonly chairSAtLength: ShareChange | null;
  readonly accuracy: ShareChange | null;
  readonly yesRatio: ShareChange | null;
  /** Times of a token: method over plain. */
  readonly time: Ratio | null;
}

export interface MethodRow {
  readonly method: string;
  readonly score: CaptionSetScore;
  /** 95 %, Wilson, of the share of captions. */
  readonly chairSInterval: Interval | null;
  readonly questions: number;
  readonly accuracy: number | null;
  readonly yesRatio: number | null;
  /** Captions that are not the plain one, word for word. */
  readonly different: number;
  /** Answers whose first word is neither yes nor no. */
  readonly unclear: number;
  /** Captions that repeat themselves. */
  readonly broken: number;
  readonly promptMs: number | null;
  readonly tokenMs: number | null;
  /** Absent for the plain model. */
  readonly changes?: Changes;
}

// A type and no interface: results are records.
export type TrainingFreeResult = {
  readonly methods: readonly ComparedMethod[];
  readonly rows: readonly MethodRow[];
  readonly entries: readonly PictureEntry[];
  readonly failures: readonly { readonly name: string; readonly why: string }[];
  /** Methods that could not be run, with the reason on the first picture. */
  readonly leftOut: readonly { readonly method: string; readonly pictures: number; readonly why: string }[];
  readonly truthLabels: TruthLabels;
  readonly sample: PictureSample;
  /** Pictures of the run. */
  readonly total: number;
  /** Why nothing was asked; absent where questions were. */
  readonly notAsked?: string;
};

const yesOrNo = oneOf(['yes', 'no'] as const);
const some = { most: 1000 };
const interval = object<Interval>({ low: number, high: number });
const share = orNull(number);

const output = object<MethodOutput>({
  text,
  tokens: count,
  stoppedAt: optional(whole),
  wrong: texts,
  chairI: share,
  recall: share,
  answers: list(object<Answer>({ text, readAs: yesOrNo, clear: flag }), 'a list of answers', some),
  time: optional(object<DecodingTime>({ promptMs: number, tokenMs: orNull(number) })),
});

const entry = object<PictureEntry>({
  name: text,
  truth: texts,
  questions: list(object<AskedQuestion>({ object: text, label: yesOrNo }), 'a list of questions', some),
  outputs: list(orNull(output), 'a list of captions', some),
});

const changes = object<Changes>({
  chairS: shareChange,
  chairI: shareChange,
  recall: shareChange,
  f1: shareChange,
  length: shareChange,
  chairSAtLength: shareChange,
  accuracy: shareChange,
  yesRatio: shareChange,
  time: orNull(object<Ratio>({ ratio: number, low: number, high: number })),
});

const row = object<MethodRow>({
  method: text,
  score: setScore,
  chairSInterval: orNull(interval),
  questions: whole,
  accuracy: share,
  yesRatio: share,
  different: whole,
  unclear: whole,
  broken: whole,
  promptMs: orNull(number),
  tokenMs: orNull(number),
  changes: optional(changes),
});

export const trainingFreeResult: Schema<TrainingFreeResult> = object<TrainingFreeResult>({
  methods: list(
    object<ComparedMethod>({ id: text, title: text, settings: text, source: text }),
    'a list of methods',
    some,
  ),
  rows: list(row, 'a list of methods', some),
  entries: list(entry, 'a list of pictures', { most: 100_000 }),
  failures: captionedPictures.failures,
  leftOut: list(
    object<TrainingFreeResult['leftOut'][number]>({ method: text, pictures: count, why: text }),
    'a list of methods',
    some,
  ),
  truthLabels,
  sample: object<PictureSample>({ count: whole, seed: whole, of: whole }),
  total: whole,
  notAsked: optional(text),
});
