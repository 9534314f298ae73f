import type { HeadPlace, HeadsLayer } from '../../protocol/sections/heads';
import type { Section } from '../../protocol/sections/section';
import { cellOf, numberColumn } from '../sections/cell';
import { counted, threeDigits } from '../words';
import type { RepositionedResult } from './result';

const isMeasured = (result: Partial<RepositionedResult>): result is RepositionedResult =>
  result.rise?.some((row) => row.some((value) => !Number.isNaN(value))) ?? false;

/** Heads that were measured, those whose attention to the reference rises most first. */
const ranked = ({ rise }: RepositionedResult): readonly (HeadPlace & { readonly rise: number })[] =>
  rise
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, rise: value })))
    .filter((one) => !Number.isNaN(one.rise))
    .sort((a, b) => b.rise - a.rise || a.layer - b.layer || a.head - b.head);

const meanOf = (table: readonly (readonly number[])[]): number => {
  const values = table.flat().filter((value) => !Number.isNaN(value));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
};

export function finding(result: Partial<RepositionedResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const all = ranked(result);
  const [first] = all;
  if (!first) return 'Nothing is measured yet.';
  const { from, to, before, moved, left } = result;
  const rising = all.filter(({ rise }) => rise > 0).length;
  return `The tokens of ${to} give ${threeDigits(meanOf(before))} of their attention to ${from}, mean over heads; moved there, it gets ${threeDigits(meanOf(moved))}, against ${threeDigits(meanOf(left))} at its old place. The new place gives it more in ${rising} of ${counted(all.length, 'head', 'heads')}, most in L${first.layer}H${first.head}: ${threeDigits(first.rise)}.`;
}

export const sections = (result: Partial<RepositionedResult>): readonly Section[] =>
  isMeasured(result) ? [headsSection(result), rankedSection(result), tokensSection(result)] : [];

const definitions = {
  rise: 'attention to the reference at the target, less that to it at its old place before it was moved; 0 where place plays no part and both have as many tokens',
  before: 'sum over keys of the reference of A_ij, mean over queries i of the target, plain run',
  moved: 'the same over the keys of the target, which are then the reference’s',
  left: 'the same over the keys where the reference stood, after it was put at the target as well',
  even: 'before, of a head that reads all its keys alike',
};

function headsSection(result: RepositionedResult): Section {
  const { from, to, tokensFrom, tokensTo, layers, rise, before, moved, left, even } = result;
  const share = (name: keyof typeof definitions, title: string, values: HeadsLayer['values']): HeadsLayer => ({
    ...{ name, title, unit: '', values, definition: definitions[name] },
    scale: name === 'rise' ? { kind: 'diverging' } : { kind: 'sequential', min: 0, max: 1 },
  });
  const [first] = ranked(result);
  return {
    kind: 'heads',
    id: 'heads',
    title: 'Attention to the reference',
    caption: `Reference ${from} (${tokensFrom} tokens) at the target ${to} (${tokensTo} tokens), in ${layers === '*' ? 'all layers' : `layers ${layers}`}.`,
    numbers: [
      share('rise', 'Gain', rise),
      share('before', 'Before', before),
      share('moved', 'At the target', moved),
      share('left', 'Old place', left),
      share('even', 'Even attention', even),
    ],
    ...(first ? { marked: [{ layer: first.layer, head: first.head }] } : {}),
  };
}

function rankedSection(result: RepositionedResult): Section {
  const { before, moved, left, even } = result;
  const at = (table: readonly (readonly number[])[], { layer, head }: HeadPlace) => cellOf(table[layer]?.[head]);
  return {
    kind: 'table',
    id: 'ranked',
    title: 'Heads by the gain',
    caption: 'Heads that read by place, or from near, give more to what stands near.',
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      numberColumn('rise', 'Gain', definitions.rise),
      numberColumn('before', 'Before', definitions.before),
      numberColumn('moved', 'At the target', definitions.moved),
      numberColumn('left', 'Old place', definitions.left),
      numberColumn('even', 'Even attention', definitions.even),
    ],
    rows: ranked(result).map((place) => [
      { layer: place.layer, head: place.head },
      cellOf(place.rise),
      at(before, place),
      at(moved, place),
      at(left, place),
      at(even, place),
    ]),
  };
}

const tokensSection = ({ tokens, place, from, to }: RepositionedResult): Section => ({
  kind: 'tokens',
  id: 'tokens',
  title: 'Reference and target',
  tokens,
  numbers: [],
  classes: { names: [`reference ${from}`, `target ${to}`], of: place },
});
