/** How effects of heads changed from one result to another, grid by grid; for an encoder-decoder with the grids of its other heads. */
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Stack } from '../../../protocol/sections/section-base';
import * as build from '../../../protocol/sections/builders';

type Table = readonly (readonly number[])[];

interface Grid {
  readonly stack?: Stack;
  /** Tables of the other result and of this one; undefined if a result has none. */
  readonly tables: readonly [Table | undefined, Table | undefined];
}

interface ChangeWords {
  readonly title: string;
  /** The name of the number; `definition` says what it is. */
  readonly number: string;
  readonly definition: string;
  readonly unit: string;
  readonly caption?: string;
}

const stackWords: Readonly<Record<Stack, string>> = { cross: 'Cross-attention: ', encoder: 'Encoder: ' };

/** A title as that of these heads of an encoder-decoder. */
export const titleIn = (stack: Stack | undefined, title: string): string =>
  stack === undefined ? title : `${stackWords[stack]}${title.slice(0, 1).toLowerCase()}${title.slice(1)}`;

/** Grids that both results have, with the same heads. */
export const changeGrids = (
  grids: readonly Grid[],
  {
    title,
    number,
    definition,
    unit,
    caption = 'No test is made of a difference: it is one mean less another.',
  }: ChangeWords,
): readonly HeadsSection[] =>
  grids.flatMap(({ stack, tables: [first, second] }) => {
    if (!first || !second || shapeOf(first) !== shapeOf(second)) return [];
    const change = first.map((row, layer) => row.map((value, head) => (second[layer]?.[head] ?? Number.NaN) - value));
    return [
      build.heads(
        stack === undefined ? 'change' : `change-${stack}`,
        titleIn(stack, title),
        caption,
        [build.signed('change', number, definition, change, unit)],
        { stack },
      ),
    ];
  });

const shapeOf = (table: Table): string => table.map(({ length }) => length).join();
