/**
 * What has an estimate: the output of a head or an MLP at all positions, or the residual stream after a layer at some. In an
 * encoder-decoder these include heads of cross-attention and of the encoder.
 */
import type { Columns } from '../../shared/effects/columns';
import type { Pair } from '../../shared/effects/pairs';
import type { Replaceable, ReplacementChange } from '../../../models/instrument/changes/replacement';
import { sizesOf } from '../../shared/effects/outputs';
import { partsOf, type Rows } from '../../shared/effects/parts';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { CellSite } from './result';

export interface Cell {
  readonly site: CellSite;
  readonly layer: number;
  /** The head; 0 for an MLP; the column for the residual stream. For heads of the encoder, `layer` is a layer of the encoder. */
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

const headCells = (site: CellSite, layer: number, heads: number): readonly Cell[] =>
  Array.from({ length: heads }, (_, slot): Cell => ({ site, layer, slot }));

/** The part that is tapped in a run, in the decoder or in the encoder. */
export const targetOf = (site: CellSite): Replaceable => (site === 'encoder-head' ? 'head' : site);

/** How many slots a layer has side by side, and how wide a row of one is. */
export function cellSizes(
  facts: ModelFacts,
  { site, layer }: Pick<Cell, 'site' | 'layer'>,
): ReturnType<typeof sizesOf> {
  if (site !== 'encoder-head') return sizesOf(facts, targetOf(site), layer);
  const { heads = 0, headDim = 0 } = facts.sourceBlocks?.[layer] ?? {};
  return { slots: heads, width: headDim };
}

/** The change that replaces a cell. */
export const replacingCell = ({ site, layer, slot }: Cell, { data, everywhere }: Rows): ReplacementChange => ({
  ...{ kind: 'replacement', layer, target: targetOf(site), data },
  ...(isHead(site) ? { head: slot } : {}),
  ...(everywhere ? { everywhere } : {}),
});

export const isHead = (site: CellSite): boolean => site !== 'mlp' && site !== 'residual';

/** Layer by layer, heads and MLPs first. */
export const cellsOf = ({ blocks, sourceBlocks = [] }: ModelFacts, columns: Columns['columns']): readonly Cell[] => [
  ...partsOf(blocks).map(({ layer, head }): Cell =>
    head === undefined ? { site: 'mlp', layer, slot: 0 } : { site: 'head', layer, slot: head },
  ),
  ...blocks.flatMap(({ cross }, layer) => headCells('cross-head', layer, cross?.heads ?? 0)),
  ...sourceBlocks.flatMap(({ heads }, layer) => headCells('encoder-head', layer, heads)),
  ...blocks.flatMap((_, layer) => columns.map((_column, slot): Cell => ({ site: 'residual', layer, slot }))),
];

export const cellName = ({ site, layer, slot }: Cell, columns: readonly string[] = []): string => {
  switch (site) {
    case 'head':
      return `L${layer}H${slot}`;
    case 'cross-head':
      return `cross-attention L${layer}H${slot}`;
    case 'encoder-head':
      return `encoder L${layer}H${slot}`;
    case 'mlp':
      return `MLP of layer ${layer}`;
    case 'residual':
      return `layer ${layer} at ${columns[slot] ?? slot}`;
  }
};
