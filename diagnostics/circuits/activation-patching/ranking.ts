/** The cells of a result, largest effect first, and what they are called. */
import { isPerHead, type Site } from './parameters';
import type { Cell } from './patches';
import type { PatchingResult, Table } from './result';

export interface Ranked extends Cell {
  readonly effect: number;
  readonly low: number;
  readonly high: number;
  readonly random: number;
  readonly beyondChance: boolean | undefined;
}

export const isMeasured = (result: Partial<PatchingResult>): result is PatchingResult => result.values !== undefined;

const at = (table: Table | undefined, { layer, slot }: Cell): number => table?.[layer]?.[slot] ?? Number.NaN;

/** Cells that are not measured are left out; equal ones stay in the order of the model. */
export function ranked(result: PatchingResult): readonly Ranked[] {
  const cells = result.effect.flatMap((row, layer) => row.map((_, slot): Cell => ({ layer, slot })));
  return cells
    .map((cell) => ({
      ...cell,
      effect: at(result.effect, cell),
      low: at(result.effectLow, cell),
      high: at(result.effectHigh, cell),
      random: at(result.null?.mean, cell),
      beyondChance: result.beyondChance?.[cell.layer]?.[cell.slot],
    }))
    .filter(({ effect }) => !Number.isNaN(effect))
    .sort((one, other) => Math.abs(other.effect) - Math.abs(one.effect));
}

/** For heads outside the model's own attention: words before the name of one, and after the word for several. */
const furtherHeads: Readonly<Partial<Record<Site, readonly [before: string, behind: string]>>> = {
  'cross-head-output': ['cross-attention ', ' of cross-attention'],
  'encoder-head-output': ['encoder ', ' of the encoder'],
  'state-head-output': ['recurrence ', ' of recurrences'],
};

export function cellName({ site, columns = [] }: PatchingResult, { layer, slot }: Cell): string {
  if (site === 'key' || site === 'value') return `key/value head ${slot} of layer ${layer}`;
  if (isPerHead(site)) return `${furtherHeads[site]?.[0] ?? ''}L${layer}H${slot}`;
  const place = columns[slot] ?? `${slot}`;
  const where = place === 'all positions' ? `at ${place}` : `at ${place}`;
  return `${site === 'mlp' ? 'the MLP' : 'the residual stream'} of layer ${layer} ${where}`;
}

export const cellWords = ({ site }: Pick<PatchingResult, 'site'>, count: number): string => {
  const one = site === 'key' || site === 'value' ? 'key/value head' : isPerHead(site) ? 'head' : 'place';
  return `${count} ${one}${count === 1 ? '' : 's'}${furtherHeads[site]?.[1] ?? ''}`;
};
