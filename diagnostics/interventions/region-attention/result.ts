import type { ImageSpan } from '../../../protocol/results/image';
import type { Schema } from '../../../protocol/schema/check';
import { figure, list, number, object, optional, text, texts, whole } from '../../../protocol/schema/fields';
import { imageSpan, mostHeads, mostLayers } from '../../../protocol/schema/parts';

/** [layers][heads]; NaN where a layer was not run yet. */
export type PerHead = readonly (readonly number[])[];

/** What the tokens of region B read of region A, mean over them. */
export interface Reference {
  /** `*`: all. */
  readonly layers: string;
  /** Of A where it stands, in the plain run; */
  readonly before: PerHead;
  /** of A where it was put: the keys of B; */
  readonly moved: PerHead;
  /** of A where it still stands as well; */
  readonly left: PerHead;
  /** and what A gains by its place: moved - before. */
  readonly rise: PerHead;
  /** Of a head that reads its keys alike, before. */
  readonly even: PerHead;
}

export interface RegionAttentionResult extends Readonly<Record<string, unknown>> {
  /** In their written form. */
  readonly regions: readonly string[];
  /** Tokens of each. */
  readonly sizes: readonly number[];
  readonly rows: number;
  /** Heads in which they are kept apart, as `layer.head`; empty: all. */
  readonly heads: string;
  /** `both-ways`, `one-way` or `off`. */
  readonly isolate: string;
  readonly beta: number;
  /** The interventions of the run, written. */
  readonly change: readonly string[];
  /** Mean over regions of the attention of their tokens on other regions, in the plain run. */
  readonly before: PerHead;
  /** Under the change. */
  readonly after: PerHead;
  /** Of a head that reads all its keys alike. */
  readonly even: PerHead;
  /** [regions][regions and the rest]: mean over all heads. */
  readonly betweenBefore: readonly (readonly number[])[];
  readonly betweenAfter: readonly (readonly number[])[];
  /** [regions][tokens]: attention of a token of the region on each token, mean over its tokens and over all heads. */
  readonly readBefore: readonly (readonly number[])[];
  readonly readAfter: readonly (readonly number[])[];
  /** After less before. */
  readonly readChange: readonly (readonly number[])[];
  /** Where region A was moved to region B. */
  readonly reference?: Reference;
  readonly tokens: readonly string[];
  /** By token: region, -1 for none. */
  readonly owner: readonly number[];
  /** By token: 1 - cosine of the stream that leaves the last layer, plain and under the change; empty until then. */
  readonly turned: readonly number[];
  /** Mean of `turned` over each region, then over the rest (NaN where there is none). */
  readonly turnedIn: readonly number[];
  /** Nats, of the next token behind the prompt; NaN of a model that predicts none. */
  readonly divergence: number;
  /** Tokens most probable before or after. */
  readonly leading: readonly { readonly token: string; readonly before: number; readonly after: number }[];
  /** Of a prompt with a picture. */
  readonly image?: ImageSpan;
  /** Position of each image token. */
  readonly imageRows: readonly number[];
}

type Named = { readonly [K in keyof RegionAttentionResult as string extends K ? never : K]: RegionAttentionResult[K] };

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
const most = 65_536;
const figures = list(figure, 'a list of numbers', { most });
const table = list(figures, 'a list of rows', { most: 64 });

export const regionAttentionResult: Schema<RegionAttentionResult> = object<Named>({
  regions: texts,
  sizes: list(whole, 'a list of sizes', { most: 64 }),
  rows: whole,
  heads: text,
  isolate: text,
  beta: number,
  change: texts,
  before: perHead,
  after: perHead,
  even: perHead,
  betweenBefore: table,
  betweenAfter: table,
  readBefore: table,
  readAfter: table,
  readChange: table,
  reference: optional(
    object<Reference>({
      layers: text,
      before: perHead,
      moved: perHead,
      left: perHead,
      rise: perHead,
      even: perHead,
    }),
  ),
  tokens: list(text, 'a list of tokens', { most }),
  owner: list(number, 'a list of regions', { most }),
  turned: figures,
  turnedIn: figures,
  divergence: figure,
  leading: list(
    object<RegionAttentionResult['leading'][number]>({ token: text, before: number, after: number }),
    'a list of tokens',
    { most: 64 },
  ),
  image: optional(imageSpan),
  imageRows: list(whole, 'a list of positions', { most }),
});
