/** The result of the analysis `direct-logit-attribution`, and its schema. All contributions are in logits before soft capping. */
import * as v from 'valibot';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, object, optional, text, whole } from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import type { PerHead } from '../../../protocol/results/heads';

/** One or two tokens of a prompt, or the answers of a task. */
export interface DirectTarget {
  readonly token: string;
  readonly id?: number;
  readonly against?: string;
  readonly againstId?: number;
}

/** What every part adds; `heads`, `mlp`, `embedding` and `rest` sum to `logit`. Means over the prompts of a task. */
export interface Contributions {
  readonly heads: PerHead;
  /** [layers] */
  readonly mlp: readonly number[];
  readonly embedding: number;
  /** Biases of norms, output projections and vocabulary; a stream that an intervention put in place. */
  readonly rest: number;
  readonly logit: number;
}

/** What the logit lens shows of one stream. */
export interface LensLayer {
  /** Of the right tokens together. */
  readonly probability: number;
  /** 1 is the largest logit; a mean over the prompts of a task. */
  readonly rank: number;
  /** Probability of the tokens that are subtracted. */
  readonly against?: number;
  /** Of one prompt. */
  readonly top?: readonly { readonly token: string; readonly probability: number }[];
}

export interface DirectResult extends Contributions, Readonly<Record<string, unknown>> {
  readonly target: DirectTarget;
  readonly prompts: number;
  /** Of one prompt: token position whose next token is predicted, and its text. */
  readonly position?: number;
  readonly positionToken?: string;
  /** Sum of the heads of each layer. */
  readonly attention: readonly number[];
  /** Sums so far: embedding, then attention and MLP of each layer, then the rest; [2 layers + 2]. */
  readonly running: readonly number[];
  /** Ends of the 95 % intervals over prompts (Student's t); of two or more prompts. */
  readonly low?: Contributions;
  readonly high?: Contributions;
  readonly attentionLow?: readonly number[];
  readonly attentionHigh?: readonly number[];
  /**
   * `sum`: of all parts; `error`: the larger of |sum - logit| and of the difference between the tokens' logits here and in the
   * model, over the largest |logit| of the tokens, at least 1. The largest over prompts.
   */
  readonly check: { readonly sum: number; readonly error: number };
  /** Where the model caps its logits: the cap, and the target's value behind it. */
  readonly cap?: number;
  readonly capped?: number;
  /** Of the streams that enter each layer and of the one that leaves the last, [layers + 1]. */
  readonly lens?: readonly LensLayer[];
  readonly lensLow?: readonly number[];
  readonly lensHigh?: readonly number[];
}

const layers = <T>(item: Schema<T>): Schema<readonly T[]> =>
  list(item, 'a list of layers', { least: 1, most: 2 * mostLayers + 2 });
const heads: Schema<PerHead> = layers(list(figure, 'a list of heads', { most: mostHeads }));

const contributions = { heads, mlp: layers(figure), embedding: figure, rest: figure, logit: figure };

/** As named, which an interface with an index signature leaves out of `keyof`. */
type Named = { readonly [K in keyof DirectResult as string extends K ? never : K]: DirectResult[K] };

const fields: Schema<Named> = object<Named>({
  ...contributions,
  target: object<DirectTarget>({
    token: text,
    id: optional(whole),
    against: optional(text),
    againstId: optional(whole),
  }),
  prompts: count,
  position: optional(whole),
  positionToken: optional(text),
  attention: layers(figure),
  running: layers(figure),
  low: optional(object<Contributions>(contributions)),
  high: optional(object<Contributions>(contributions)),
  attentionLow: optional(layers(figure)),
  attentionHigh: optional(layers(figure)),
  check: object<DirectResult['check']>({ sum: figure, error: figure }),
  cap: optional(figure),
  capped: optional(figure),
  lens: optional(
    layers(
      object<LensLayer>({
        probability: figure,
        rank: figure,
        against: optional(figure),
        top: optional(
          list(object<NonNullable<LensLayer['top']>[number]>({ token: text, probability: figure }), 'a list', {
            most: 64,
          }),
        ),
      }),
    ),
  ),
  lensLow: optional(layers(figure)),
  lensHigh: optional(layers(figure)),
});

export const directResult: Schema<DirectResult> = v.pipe(
  fields,
  v.check(
    ({ heads: table, mlp, attention, running }) =>
      mlp.length === table.length && attention.length === table.length && running.length === 2 * table.length + 2,
    'a result whose tables have one row for each layer',
  ),
);
