/** The way from one attention weight to the analysis that takes it apart. */
import type { TemplateResult } from 'lit';
import { button } from '../../ui/controls';
import type { CellPlace } from './matrix-place';
import type { State } from './state';
import type { TileSource } from './tile-source';

/** Whether something can be run on what is shown. */
export const canExplain = ({ result, canRun, asides }: State): boolean =>
  result !== undefined && canRun === true && !asides.waiting;

/** The cell, where the head that is shown has it and its query reads its key. */
export function readCell(source: TileSource | undefined, cell: CellPlace | undefined): CellPlace | undefined {
  if (!source || !cell || Math.max(cell.query, cell.key) >= source.length) return undefined;
  return source.causal && cell.key > cell.query ? undefined : cell;
}

/** Under the matrix. */
export const explainCell = (cell: CellPlace | undefined, explain: () => void): TemplateResult =>
  button({
    label: 'Explain the weight',
    id: 'explain-weight',
    hint: cell
      ? `Why query ${cell.query} reads key ${cell.key} (Enter)`
      : 'Choose a cell first: a click or the arrow keys',
    disabled: cell === undefined,
    onClick: explain,
  });

/** In the list of keys that are read most. */
export const explainKey = (cell: CellPlace, explain: (cell: CellPlace) => void): TemplateResult =>
  button({
    label: `Explain why query ${cell.query} reads key ${cell.key}`,
    icon: 'info',
    appearance: 'icon',
    onClick: () => explain(cell),
  });
