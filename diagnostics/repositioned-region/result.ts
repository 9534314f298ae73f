import type { Schema } from '../../protocol/schema/check';
import { figure, list, object, text, texts, whole } from '../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../protocol/schema/parts';

/** [layers][heads]; NaN where a layer was not run yet. */
export type PerHead = readonly (readonly number[])[];

export interface RepositionedResult extends Readonly<Record<string, unknown>> {
  /** Written forms: what is moved, where it goes, and the layers (`*`: all). */
  readonly from: string;
  readonly to: string;
  readonly layers: string;
  readonly tokensFrom: number;
  readonly tokensTo: number;
  /** What tokens at `to` read, mean over them: of the reference where it stands, in the plain run; */
  readonly before: PerHead;
  /** of the reference where it was put; */
  readonly moved: PerHead;
  /** of the reference where it still stands as well; */
  readonly left: PerHead;
  /** and what the reference gains by its place: moved - before. */
  readonly rise: PerHead;
  /** Of a head that reads its keys alike, before. */
  readonly even: PerHead;
  readonly tokens: readonly string[];
  /** By token: 0 `from`, 1 `to`, -1 neither. */
  readonly place: readonly number[];
}

type Named = { readonly [K in keyof RepositionedResult as string extends K ? never : K]: RepositionedResult[K] };

const perHead: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});

export const repositionedResult: Schema<RepositionedResult> = object<Named>({
  from: text,
  to: text,
  layers: text,
  tokensFrom: whole,
  tokensTo: whole,
  before: perHead,
  moved: perHead,
  left: perHead,
  rise: perHead,
  even: perHead,
  tokens: texts,
  place: list(figure, 'a list of places', { most: 65_536 }),
});
