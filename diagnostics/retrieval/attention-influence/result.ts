/** The result of the analysis `attention-influence`, and its schema. */
import { probeOutcome } from './find-heads';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Output, Schema } from '../../../protocol/schema/check';
import {
  count,
  figure,
  filledText,
  flag,
  list,
  object,
  optional,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers, placeFields } from '../../../protocol/schema/parts';
import { mostDocuments } from '../../corpus';

const place = object(placeFields());
const places: Schema<readonly HeadPlace[]> = list(place, 'a list of heads', { most: mostHeadsInAll });
const rows = <T>(item: Schema<T>): Schema<readonly T[]> => list(item, 'a list of documents', { most: mostDocuments });

/** Losses are means over the predicted tokens of a document, nats per token. */
const documentResult = object({
  /** In the corpus, from 0; what was left out when it was read is not counted. */
  index: whole,
  id: optional(filledText),
  source: optional(filledText),
  /** Its first characters. */
  start: text,
  /** Tokens that are predicted. */
  tokens: whole,
  windows: whole,
  loss: figure,
  maskedLoss: figure,
  /** (maskedLoss - loss) / loss */
  influence: figure,
  /** The same with random heads masked, mean over the controls; NaN without one. */
  control: figure,
  /** Share of the tokens that lie in a stretch of 16 which stood in the document before. */
  repeated: figure,
  /** From 1 within the source, largest influence first; NaN for copies and documents without an influence. */
  rank: figure,
  /** Share of the ranked documents of the source whose influence is at most that of this one. */
  quantile: figure,
  selected: flag,
  /** Index of the document with the same text; this one was not run and is not ranked. */
  duplicateOf: optional(whole),
});
export type DocumentResult = Output<typeof documentResult>;

/** What is known of the ranked documents of a source. */
const sourceSummary = object({
  /** Empty for documents that name none. */
  source: text,
  documents: whole,
  selected: whole,
  copies: whole,
  /** Median influence, and the 10th and 90th percentile. */
  median: figure,
  low: figure,
  high: figure,
  /** Median influence of the controls; NaN without one. */
  control: figure,
  /** Least influence of a selected document. */
  threshold: figure,
  /** Median number of tokens, of all and of the selected documents. */
  tokens: figure,
  selectedTokens: figure,
});
export type SourceSummary = Output<typeof sourceSummary>;

const overall = object({
  /** Ranked documents. */
  documents: whole,
  tokens: whole,
  /** Over all their tokens, nats per token. */
  loss: figure,
  maskedLoss: figure,
  /** Mean over the controls; NaN without one. */
  controlLoss: figure,
  /** Median influence, and the 10th and 90th percentile. */
  median: figure,
  low: figure,
  high: figure,
  control: figure,
  /** Mean over documents of influence less that of the control, with its 95 % interval (Student's t); NaN without a control. */
  difference: figure,
  differenceLow: figure,
  differenceHigh: figure,
});
export type Overall = Output<typeof overall>;

export const influenceResult = object({
  corpus: object({
    name: text,
    sha256: text,
    /** Documents in the file, and those that are scored in the end. */
    documents: whole,
    chosen: whole,
    /** What was left out, and why. */
    notes: texts,
  }),
  /** Heads of the model. */
  heads: count,
  masked: places,
  controls: list(places, 'a list of controls', { most: 64 }),
  /** [layers][heads]: share of the answer's tokens that the head copies, mean over the probes; absent where heads were given. */
  scores: optional(
    list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  ),
  probe: optional(probeOutcome),
  /** Tokens of a window at most. */
  window: count,
  /** Percent of each source that is selected. */
  top: count,
  /** In the order of the corpus. */
  documents: rows(documentResult),
  sources: rows(sourceSummary),
  overall,
});
export type InfluenceResult = Output<typeof influenceResult>;
