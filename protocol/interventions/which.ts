/** Layers and heads by number or all of them, in the forms that name several heads: `2.5`, `2.*`, `*.*`. */
import type { Output, Schema } from '../schema/check';
import { either, exactly, list, object } from '../schema/fields';
import { layerField } from './fields';

export type Which = number | 'all';

export const whichField: Schema<Which> = either(layerField, exactly('all'), 'a whole number from 0 or "all"');

const whichHeads = object({ layer: whichField, head: whichField }, 'heads as {"layer": 2, "head": "all"}');
export type WhichHeads = Output<typeof whichHeads>;

export const whichHeadsField = list(whichHeads, 'a list of heads', { least: 1, most: 10_000 });

export const whichOf = (text: string | undefined): Which => (text === '*' ? 'all' : Number(text));
export const whichText = (one: Which): string => (one === 'all' ? '*' : String(one));

/** Separated by commas; undefined where one has another form. */
export function whichHeadsOf(text: string): readonly WhichHeads[] | undefined {
  const heads: WhichHeads[] = [];
  for (const written of text.split(',')) {
    const parts = /^\s*L?(\d+|\*)[.H](\d+|\*)\s*$/i.exec(written);
    if (!parts) return undefined;
    heads.push({ layer: whichOf(parts[1]), head: whichOf(parts[2]) });
  }
  return heads;
}

export const whichHeadsText = (heads: readonly WhichHeads[]): string =>
  heads.map(({ layer, head }) => `${whichText(layer)}.${whichText(head)}`).join(',');

export const covers = (one: Which, index: number): boolean => one === 'all' || one === index;

export const coversHead = (heads: readonly WhichHeads[], layer: number, head: number): boolean =>
  heads.some((one) => covers(one.layer, layer) && covers(one.head, head));
