/** What region B reads of region A, before and after A was moved there. */
import { headName } from '../../../protocol/schema/written-form';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import { at, ranked, regionWords } from './ranking';
import type { Reference, RegionAttentionResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

const definitions = {
  rise: 'at B’s place less before; where the regions are not kept apart as well, 0 if place plays no part and both have as many tokens',
  before: 'sum over keys j of A of A_ij, mean over queries i of B, plain run',
  moved: 'the same over the keys of B, which are then those of A, under the change',
  left: 'the same over the keys of A where it still stands, under the change',
  even: 'before, of a head that reads all its keys alike',
};

const measured = (table: Reference['before']): readonly number[] => ranked(table).map(({ value }) => value);

/** A sentence, or nothing where nothing was moved. */
export function referenceWords({ reference, isolate, beta }: RegionAttentionResult): string {
  if (!reference) return '';
  const all = ranked(reference.rise);
  const [first] = all;
  if (!first) return '';
  const [before, moved, left] = [reference.before, reference.moved, reference.left].map((table) =>
    threeDigits(mean(measured(table))),
  );
  const start = ` B gives ${before} of its attention to A, mean over heads; moved to B’s place, A gets ${moved}, against ${left} at its old place`;
  // What B may not read any more goes to what it still reads, wherever that stands.
  if (isolate === 'both-ways' && beta > 0) return `${start}, from which B is kept.`;
  const rising = all.filter(({ value }) => value > 0).length;
  return `${start}. The place gives it more in ${rising} of ${counted(all.length, 'head', 'heads')}${rising > 0 ? `, most in ${headName(first)}: ${threeDigits(first.value)}` : ''}.`;
}

export function referenceSections(result: RegionAttentionResult): readonly Section[] {
  const { reference } = result;
  if (!reference) return [];
  const { layers, rise, before, moved, left, even } = reference;
  const share = (name: keyof typeof definitions, title: string, values: HeadsLayer['values']): HeadsLayer => ({
    ...{ name, title, unit: '', values, definition: definitions[name] },
    scale: name === 'rise' ? build.ranges.diverging : build.ranges.share,
  });
  const [first] = ranked(rise);
  return [
    build.heads(
      'reference',
      'Attention of B to A',
      `A was put at the place of B in ${layers === '*' ? 'all layers' : `the layers ${layers}`}. ${regionWords(result)}.`,
      [
        share('rise', 'Gain', rise),
        share('before', 'Before', before),
        share('moved', 'At B’s place', moved),
        share('left', 'Old place', left),
        share('even', 'Even attention', even),
      ],
      { ask: 'Show what it reads', marked: first ? [{ layer: first.layer, head: first.head }] : undefined },
    ),
    build.table(
      'ranked-reference',
      'Heads by what A gains at B’s place',
      result.isolate === 'both-ways' && result.beta > 0
        ? 'B does not read the old place of A either: the attention that it gave there goes to what it still reads. Otherwise the gain would say how much a head goes by place.'
        : 'Heads that read by place, or from near, give more to what stands near.',
      ranked(rise),
      [
        build.head((place) => ({ layer: place.layer, head: place.head })),
        build.number('rise', 'Gain', definitions.rise, (place) => at(rise, place)),
        build.number('before', 'Before', definitions.before, (place) => at(before, place)),
        build.number('moved', 'At B’s place', definitions.moved, (place) => at(moved, place)),
        build.number('left', 'Old place', definitions.left, (place) => at(left, place)),
        build.number('even', 'Even attention', definitions.even, (place) => at(even, place)),
      ],
    ),
  ];
}
