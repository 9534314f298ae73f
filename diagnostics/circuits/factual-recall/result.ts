/** The result of the analysis `factual-recall`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import type { HeadPlace } from '../../model-runner/variant';
import type { Corrected } from './correction';
import type { Directions } from './decomposition';
import { additions, type FunctionPoint } from './function-test';
import type { Neutral } from './neutral-text';
import { senders } from './parameters';
import type { Mean, Suppression } from './suppression';

/** Medians and quartiles of ranks over prompts, by point of the stream (`pointNames`). */
export interface RankCurve {
  readonly median: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** [layers][heads] */
type PerHead = readonly (readonly number[])[];

export interface HeadsFound {
  readonly effect: PerHead;
  readonly low: PerHead;
  readonly high: PerHead;
  readonly beyondChance?: readonly (readonly boolean[])[];
  readonly relative: PerHead;
  readonly prompts: number;
}

/** What the output of one head alone gives as a residual stream: medians over prompts of the ranks. */
export interface HeadReads extends HeadPlace {
  readonly topic: number;
  readonly answer: number;
  /** With the final norm frozen at the scale of the whole stream. */
  readonly topicFrozen: number;
  readonly answerFrozen: number;
}

export interface MlpFound {
  readonly layer: number;
  readonly r2: number;
  readonly heldR2: number;
  readonly condition: number;
  readonly summedR2: number;
  readonly summedHeldR2: number;
  readonly summedWeight: number;
  readonly streamR2: number;
  readonly streamHeldR2: number;
  readonly weights: readonly (HeadPlace & { readonly weight: number })[];
  /** w of the rest of the stream. */
  readonly rest: number;
  /** Length of c over the mean length of the outputs. */
  readonly interceptShare: number;
  readonly directions?: Directions;
  /** Tokens that c puts first, read as a residual stream; their logits. */
  readonly top: readonly { readonly token: string; readonly logit: number }[];
}

export interface FactRow {
  readonly topic: string;
  readonly answer: string;
  readonly prompts: number;
  /** Means over its prompts. */
  readonly probability: number;
  readonly rank: number;
  readonly among: number;
}

interface Fields {
  readonly task: string;
  readonly prompts: number;
  readonly fitted: number;
  readonly held: number;
  readonly heldBy: 'template' | 'prompt';
  readonly answers: number;
  readonly sender: (typeof senders)[number];
  readonly freezeMlps: boolean;
  readonly threshold: number;
  /** Prompts whose answer has more tokens than the one that is looked at. */
  readonly longAnswers: number;
  readonly facts?: readonly FactRow[];
  readonly topicRank?: RankCurve;
  readonly answerRank?: RankCurve;
  readonly candidateRank?: RankCurve;
  /** [layers][heads]: mean attention of the last position to the topic. */
  readonly toTopic?: PerHead;
  readonly heads?: HeadsFound;
  readonly movers?: readonly HeadPlace[];
  readonly reads?: readonly HeadReads[];
  readonly mlps?: readonly MlpFound[];
  readonly bare?: FunctionPoint;
  readonly tried?: readonly FunctionPoint[];
  readonly suppression?: Suppression;
  readonly frequentBy?: 'text' | 'vocabulary';
  readonly suppressing?: readonly HeadPlace[];
  readonly corrected?: readonly Corrected[];
  /** In the order of `corrected`; absent where the model reads no text. */
  readonly neutral?: readonly Neutral[];
  /** Largest relative errors of the sums: of the writes of heads, of the stream, of the parts of a logit. */
  readonly check?: { readonly heads: number; readonly stream: number; readonly logit: number };
}

export interface RecallResult extends Fields, Readonly<Record<string, unknown>> {}

type Named = Pick<Fields, keyof Fields>;

const layers = <T>(item: Schema<T>): Schema<readonly T[]> =>
  list(item, 'a list of layers', { most: 2 * mostLayers + 2 });
const perHead: Schema<PerHead> = layers(list(figure, 'a list of heads', { most: mostHeads }));
const place = object<HeadPlace>({ layer: whole, head: whole });
const places = list(place, 'a list of heads');
const curve = object<RankCurve>({ median: layers(figure), low: layers(figure), high: layers(figure) });
const mean = object<Mean>({ mean: figure, low: figure, high: figure });
const share = object<Corrected['accuracy']>({ value: figure, low: figure, high: figure });
const point = object<FunctionPoint>({
  layer: optional(whole),
  addition: oneOf([...additions, 'none']),
  alpha: figure,
  rank: figure,
  low: figure,
  high: figure,
  first: figure,
  topics: whole,
});

export const recallResult: Schema<RecallResult> = object<Named>({
  task: text,
  prompts: count,
  fitted: count,
  held: count,
  heldBy: oneOf(['template', 'prompt']),
  answers: count,
  sender: oneOf(senders),
  freezeMlps: flag,
  threshold: figure,
  longAnswers: whole,
  facts: optional(
    list(
      object<FactRow>({ topic: text, answer: text, prompts: count, probability: figure, rank: figure, among: figure }),
      'a list of facts',
    ),
  ),
  topicRank: optional(curve),
  answerRank: optional(curve),
  candidateRank: optional(curve),
  toTopic: optional(perHead),
  heads: optional(
    object<HeadsFound>({
      effect: perHead,
      low: perHead,
      high: perHead,
      beyondChance: optional(layers(list(flag, 'a list of heads', { most: mostHeads }))),
      relative: perHead,
      prompts: count,
    }),
  ),
  movers: optional(places),
  reads: optional(
    list(
      object<HeadReads>({
        layer: whole,
        head: whole,
        topic: figure,
        answer: figure,
        topicFrozen: figure,
        answerFrozen: figure,
      }),
      'a list of heads',
    ),
  ),
  mlps: optional(
    layers(
      object<MlpFound>({
        layer: whole,
        r2: figure,
        heldR2: figure,
        condition: figure,
        summedR2: figure,
        summedHeldR2: figure,
        summedWeight: figure,
        streamR2: figure,
        streamHeldR2: figure,
        weights: list(object<HeadPlace & { weight: number }>({ layer: whole, head: whole, weight: figure }), 'a list'),
        rest: figure,
        interceptShare: figure,
        directions: optional(object<Directions>({ intercept: figure, own: figure, other: figure })),
        top: list(object<MlpFound['top'][number]>({ token: text, logit: figure }), 'a list of tokens', { most: 64 }),
      }),
    ),
  ),
  bare: optional(point),
  tried: optional(list(point, 'a list of points')),
  suppression: optional(
    object<Suppression>({
      layers: layers(
        object<Suppression['layers'][number]>({
          attention: mean,
          mlp: mean,
          attentionFrequent: figure,
          mlpFrequent: figure,
          attentionMargin: figure,
          mlpMargin: figure,
        }),
      ),
      last: mean,
      lastMargin: mean,
      lowered: object<Suppression['lowered']>({ value: figure, low: figure, high: figure, n: count }),
      heads: list(figure, 'a list of heads', { most: mostHeads }),
    }),
  ),
  frequentBy: optional(oneOf(['text', 'vocabulary'])),
  suppressing: optional(places),
  corrected: optional(
    list(
      object<Corrected>({
        name: text,
        gain: figure,
        share: figure,
        probability: mean,
        change: mean,
        accuracy: share,
        amongAnswers: share,
      }),
      'a list of settings',
    ),
  ),
  neutral: optional(
    list(
      object<Neutral>({
        loss: figure,
        change: figure,
        changeLow: figure,
        changeHigh: figure,
        confidence: figure,
        accuracy: figure,
        accuracyLow: figure,
        accuracyHigh: figure,
        calibration: figure,
        tokens: count,
      }),
      'a list of settings',
    ),
  ),
  check: optional(object<NonNullable<Fields['check']>>({ heads: figure, stream: figure, logit: figure })),
});
