/** What a run costs beside patching everything. */
import { largestCount } from './chosen';
import type { AttributionParameters } from './parameters';
import type { AttributionResult } from './result';

export const gradientsOf = ({ baseline, method, steps }: AttributionParameters): number =>
  baseline === 'counterpart' && method === 'integrated' ? steps : 1;

/**
 * Forward passes of one prompt: this run and patching everything. A gradient counts as three (a forward pass and about two for
 * the way back); behind it one more where the slope of the metric depends on the answer. Each kind of output that is patched
 * takes the outputs of the counterpart and the unpatched run too.
 */
export function passesOf(
  [parts, places]: readonly [parts: number, places: number],
  parameters: AttributionParameters,
  linear: boolean,
): AttributionResult['passes'] {
  const groups = [
    { cells: parts, sites: 2 },
    { cells: places, sites: 1 },
  ].filter(({ cells }) => cells > 0);
  const before = 4;
  const sum = (of: (group: { readonly cells: number; readonly sites: number }) => number): number =>
    groups.reduce((total, group) => total + 2 * group.sites + of(group), 0);
  return {
    taken:
      before +
      gradientsOf(parameters) * (linear ? 3 : 4) +
      sum(({ cells }) => Math.min(cells, largestCount(cells, parameters.checked) + parameters.random)),
    exact: sum(({ cells }) => cells),
  };
}
