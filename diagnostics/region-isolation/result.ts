import type { Schema } from '../../protocol/schema/check';
import { figure, list, number, object, optional, text, texts, whole } from '../../protocol/schema/fields';
import { imageSpan, mostHeads, mostLayers } from '../../protocol/schema/parts';
import type { ImageSpan } from '../../protocol/results/image';

/** [layers][heads] */
type PerHead = readonly (readonly number[])[];

export interface RegionIsolationResult extends Readonly<Record<string, unknown>> {
  /** In their written form. */
  readonly regions: readonly string[];
  /** Tokens of each. */
  readonly sizes: readonly number[];
  readonly rows: number;
  /** Heads in which they are kept apart, as `layer.head`; empty: all. */
  readonly heads: string;
  readonly beta: number;
  /** Mean over regions of the attention of their tokens on other regions, in the plain run; NaN where a layer was not run yet. */
  readonly before: PerHead;
  /** With the regions kept apart. */
  readonly after: PerHead;
  /** Of a head that reads all its keys alike. */
  readonly even: PerHead;
  /** [regions][regions and the rest]: mean over all heads. */
  readonly betweenBefore: readonly (readonly number[])[];
  readonly betweenAfter: readonly (readonly number[])[];
  readonly tokens: readonly string[];
  /** By token: region, -1 for none. */
  readonly owner: readonly number[];
  /** By token: 1 - cosine of the stream that leaves the last layer, plain and kept apart; empty until then. */
  readonly turned: readonly number[];
  /** Mean of `turned` over each region, then over the rest (NaN where there is none). */
  readonly turnedIn: readonly number[];
  /** Nats, of the next token behind the prompt; NaN of a model that predicts none. */
  readonly divergence: number;
  /** Tokens most probable before or after. */
  readonly leading: readonly { readonly token: string; readonly before: number; readonly after: number }[];
  /** Of a prompt with a picture: image tokens' `turned`. */
  readonly image?: ImageSpan;
  readonly imageTurned: readonly number[];
}

type Named = { readonly [K in keyof RegionIsolationResult as string extends K ? never : K]: RegionIsolationResult[K] };

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
const figures = list(figure, 'a list of numbers', { most: 65_536 });
const table = list(figures, 'a list of rows', { most: 64 });

export const regionIsolationResult: Schema<RegionIsolationResult> = object<Named>({
  regions: texts,
  sizes: list(whole, 'a list of sizes', { most: 64 }),
  rows: whole,
  heads: text,
  beta: number,
  before: perHead,
  after: perHead,
  even: perHead,
  betweenBefore: table,
  betweenAfter: table,
  tokens: list(text, 'a list of tokens', { most: 65_536 }),
  owner: list(number, 'a list of regions', { most: 65_536 }),
  turned: figures,
  turnedIn: figures,
  divergence: figure,
  leading: list(
    object<RegionIsolationResult['leading'][number]>({ token: text, before: number, after: number }),
    'a list of tokens',
    { most: 64 },
  ),
  image: optional(imageSpan),
  imageTurned: figures,
});
