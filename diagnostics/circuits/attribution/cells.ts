/** What has an estimate: the output of a head or an MLP at all positions, or the residual stream behind a layer at some. */
import type { Columns } from '../../shared/effects/columns';
import type { Pair } from '../../shared/effects/pairs';
import { partsOf } from '../../shared/effects/parts';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { CellSite } from './result';

export interface Cell {
  readonly site: CellSite;
  readonly layer: number;
  /** Head; 0 of an MLP; column of the residual stream. */
  readonly slot: number;
  /** For a head or MLP at one column only. */
  readonly column?: number;
}

/** Where the cell stands in a prompt; undefined: everywhere. */
export function positionsOf(
  { site, slot, column }: Cell,
  pair: Pair,
  columns: Columns['columns'],
): readonly number[] | undefined {
  const at = site === 'residual' ? slot : column;
  return at === undefined ? undefined : columns[at]?.positions?.(pair);
}

/** Which of them are compared with each other: effects of parts and of places differ in size and number. */
export const groupOf = ({ site }: Pick<Cell, 'site'>): 'parts' | 'places' => (site === 'residual' ? 'places' : 'parts');

/** Layer by layer, heads and MLPs first. */
export const cellsOf = ({ blocks }: ModelFacts, columns: Columns['columns']): readonly Cell[] => [
  ...partsOf(blocks).map(({ layer, head }): Cell =>
    head === undefined ? { site: 'mlp', layer, slot: 0 } : { site: 'head', layer, slot: head },
  ),
  ...blocks.flatMap((_, layer) => columns.map((_column, slot): Cell => ({ site: 'residual', layer, slot }))),
];

export const cellName = ({ site, layer, slot }: Cell, columns: readonly string[] = []): string => {
  switch (site) {
    case 'head':
      return `L${layer}H${slot}`;
    case 'mlp':
      return `MLP of layer ${layer}`;
    case 'residual':
      return `layer ${layer} at ${columns[slot] ?? slot}`;
  }
};
