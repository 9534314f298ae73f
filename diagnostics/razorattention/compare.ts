/** Two results side by side: scores that moved, and heads that changed class. */
import type { Section } from '../../protocol/sections/section';
import { isAmong } from '../plans/places';
import type { RazorResult } from './result';
import type { PerHead } from './selection';

export function compare(a: RazorResult, b: RazorResult): readonly Section[] {
  const sameShape =
    a.induction.length === b.induction.length &&
    a.induction.every((row, layer) => row.length === b.induction[layer]?.length);
  if (!sameShape) return [];
  const change = (of: (result: RazorResult) => PerHead): PerHead =>
    of(a).map((row, layer) => row.map((score, head) => (of(b)[layer]?.[head] ?? Number.NaN) - score));
  const layer = (name: 'induction' | 'echo', title: string) => ({
    name,
    title,
    unit: '',
    definition: `${title} score of the second result less that of the first.`,
    scale: { kind: 'diverging' as const },
    values: change((result) => result[name]),
  });
  const places = a.induction.flatMap((row, at) => row.map((_, head) => ({ layer: at, head })));
  const [was, is] = [a, b].map(
    ({ retrieval }) =>
      (place: (typeof places)[number]) =>
        isAmong(retrieval, place),
  );
  const changed = places.filter((place) => was?.(place) !== is?.(place));
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of the scores',
      cell: 'key/value head',
      numbers: [layer('induction', 'Induction'), layer('echo', 'Echo')],
      marked: changed,
    },
    {
      kind: 'table',
      id: 'changed-class',
      title: 'Heads that changed class',
      empty: 'The same heads keep everything.',
      columns: [
        { name: 'head', title: 'Key/value head', kind: 'head' },
        { name: 'first', title: 'First result', kind: 'text' },
        { name: 'second', title: 'Second result', kind: 'text' },
      ],
      rows: changed.map((place) => [
        place,
        was?.(place) ? 'keeps everything' : 'cut',
        is?.(place) ? 'keeps everything' : 'cut',
      ]),
    },
  ];
}
