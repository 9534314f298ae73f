/** Two divergences side by side, as sections. */
import type { PerHead } from '../heads';
import type { Section } from '../../sections/section';
import * as build from '../../sections/builders';

interface Sides {
  /** VHD of the first token, [layers][heads]. */
  readonly here: PerHead;
  readonly there: PerHead;
  /** How the other result is called. */
  readonly other: string;
  /** Heads that are listed. */
  readonly most: number;
}

/** Heads by the change of their VHD, this result less the other; for results whose numbers can be compared. */
export function divergenceChanges({ here, there, other, most }: Sides): readonly Section[] {
  const change = here.map((row, layer) => row.map((value, head) => value - (there[layer]?.[head] ?? Number.NaN)));
  const ranked = change
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })))
    .filter(({ value }) => Number.isFinite(value) && value !== 0)
    .sort((one, two) => Math.abs(two.value) - Math.abs(one.value))
    .slice(0, most);
  return [
    build.heads(
      'change',
      'Change of VHD',
      'At the first token, outliers kept.',
      [build.signed('change', 'Change of VHD', 'VHD in this result less that in the other', change)],
      { marked: ranked.slice(0, 8).map(({ layer, head }) => ({ layer, head })) },
    ),
    build.table(
      'changed-heads',
      'Heads that changed most',
      '',
      ranked,
      [
        build.head(({ layer, head }) => ({ layer, head }), 'head', 'head'),
        build.number(
          'first',
          `VHD, ${other}`,
          'VHD of the head at the first token, in the other result',
          ({ layer, head }) => there[layer]?.[head] ?? null,
        ),
        build.number(
          'second',
          'VHD, this',
          'VHD of the head at the first token, in this result',
          ({ layer, head }) => here[layer]?.[head] ?? null,
        ),
        { ...build.number('change', 'change', 'this result less the other', ({ value }) => value), as: 'signed' },
      ],
      { empty: 'No head changed.' },
    ),
  ];
}
