/** The result of the analysis `attention-influence`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import {
  count,
  figure,
  filledText,
  flag,
  list,
  object,
  oneOf,
  optional,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers, placeFields } from '../../../protocol/schema/parts';
import { mostDocuments } from '../../corpus';
import type { HeadPlace } from '../../model-runner/variant';
import type { HeadTable } from '../../shared/retrieval/copy-events';
import type { Answered, ProbeOutcome } from './find-heads';
import { probeFormats } from './probe-set';

/** Losses are means over the predicted tokens of a document, nats per token. */
export interface DocumentResult {
  /** In the corpus, from 0; what was left out when it was read is not counted. */
  readonly index: number;
  readonly id?: string;
  readonly source?: string;
  /** Its first characters. */
  readonly start: string;
  /** Tokens that are predicted. */
  readonly tokens: number;
  readonly windows: number;
  readonly loss: number;
  readonly maskedLoss: number;
  /** (maskedLoss - loss) / loss */
  readonly influence: number;
  /** The same with random heads masked, mean over the controls; NaN without one. */
  readonly control: number;
  /** Share of the tokens that lie in a stretch of 16 which stood in the document before. */
  readonly repeated: number;
  /** From 1 within the source, largest influence first; NaN for copies and documents without an influence. */
  readonly rank: number;
  /** Share of the ranked documents of the source whose influence is at most that of this one. */
  readonly quantile: number;
  readonly selected: boolean;
  /** Index of the document with the same text; this one was not run and is not ranked. */
  readonly duplicateOf?: number;
}

/** Of the ranked documents. */
export interface SourceSummary {
  /** Empty for documents that name none. */
  readonly source: string;
  readonly documents: number;
  readonly selected: number;
  readonly copies: number;
  /** Median influence, and the 10th and 90th percentile. */
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Median influence of the controls; NaN without one. */
  readonly control: number;
  /** Least influence of a selected document. */
  readonly threshold: number;
  /** Median number of tokens, of all and of the selected documents. */
  readonly tokens: number;
  readonly selectedTokens: number;
}

export interface Overall {
  /** Ranked documents. */
  readonly documents: number;
  readonly tokens: number;
  /** Over all their tokens, nats per token. */
  readonly loss: number;
  readonly maskedLoss: number;
  /** Mean over the controls; NaN without one. */
  readonly controlLoss: number;
  /** Median influence, and the 10th and 90th percentile. */
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly control: number;
  /** Mean over documents of influence less that of the control, with its 95 % interval (Student's t); NaN without a control. */
  readonly difference: number;
  readonly differenceLow: number;
  readonly differenceHigh: number;
}

interface Named {
  readonly corpus: {
    readonly name: string;
    readonly sha256: string;
    /** Of the file; those that are scored in the end. */
    readonly documents: number;
    readonly chosen: number;
    /** What was left out, and why. */
    readonly notes: readonly string[];
  };
  /** Heads of the model. */
  readonly heads: number;
  readonly masked: readonly HeadPlace[];
  readonly controls: readonly (readonly HeadPlace[])[];
  /** [layers][heads]: share of the answer's tokens that the head copies, mean over the probes; absent where heads were given. */
  readonly scores?: HeadTable;
  readonly probe?: ProbeOutcome;
  /** Tokens of a window at most. */
  readonly window: number;
  /** Percent of each source that is selected. */
  readonly top: number;
  /** In the order of the corpus. */
  readonly documents: readonly DocumentResult[];
  readonly sources: readonly SourceSummary[];
  readonly overall: Overall;
}

export interface InfluenceResult extends Named, Readonly<Record<string, unknown>> {}

const place: Schema<HeadPlace> = object<HeadPlace>(placeFields());
const places: Schema<readonly HeadPlace[]> = list(place, 'a list of heads', { most: mostHeadsInAll });
const answered = { format: oneOf(probeFormats), answered: whole, tests: whole };
const rows = <T>(item: Schema<T>): Schema<readonly T[]> => list(item, 'a list of documents', { most: mostDocuments });

const fields: Schema<Named> = object<Named>({
  corpus: object<Named['corpus']>({ name: text, sha256: text, documents: whole, chosen: whole, notes: texts }),
  heads: count,
  masked: places,
  controls: list(places, 'a list of controls', { most: 64 }),
  scores: optional(
    list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  ),
  probe: optional(
    object<ProbeOutcome>({
      ...answered,
      probes: count,
      tokens: figure,
      tried: list(object<Answered>(answered), 'a list of formats', { most: probeFormats.length }),
    }),
  ),
  window: count,
  top: count,
  documents: rows(
    object<DocumentResult>({
      index: whole,
      id: optional(filledText),
      source: optional(filledText),
      start: text,
      tokens: whole,
      windows: whole,
      loss: figure,
      maskedLoss: figure,
      influence: figure,
      control: figure,
      repeated: figure,
      rank: figure,
      quantile: figure,
      selected: flag,
      duplicateOf: optional(whole),
    }),
  ),
  sources: rows(
    object<SourceSummary>({
      source: text,
      documents: whole,
      selected: whole,
      copies: whole,
      median: figure,
      low: figure,
      high: figure,
      control: figure,
      threshold: figure,
      tokens: figure,
      selectedTokens: figure,
    }),
  ),
  overall: object<Overall>({
    documents: whole,
    tokens: whole,
    loss: figure,
    maskedLoss: figure,
    controlLoss: figure,
    median: figure,
    low: figure,
    high: figure,
    control: figure,
    difference: figure,
    differenceLow: figure,
    differenceHigh: figure,
  }),
});

export const influenceResult = fields as Schema<InfluenceResult>;
