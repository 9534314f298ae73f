/** What a run costs beside patching everything. */
import { largestCount } from './selection';
import type { AttributionParameters } from './parameters';
import type { AttributionResult } from './result';

export const gradientsOf = ({ baseline, method, steps }: AttributionParameters): number =>
  baseline === 'counterpart' && method === 'integrated' ? steps : 1;

/**
 * Forward passes of one prompt: this run, and patching everything. Outputs and metric are taken of the prompt and of its counterpart.
 * A gradient counts as three passes (a forward pass and about two for the way back), and one more where the slope of the metric
 * depends on the answer. Patches take the outputs of the counterpart and the unpatched run besides: once here, and once for each of
 * heads, MLPs and residual stream where each is patched by an analysis of its own.
 */
export function passesOf(
  [parts, places]: readonly [parts: number, places: number],
  parameters: AttributionParameters,
  linear: boolean,
): AttributionResult['passes'] {
  const checks = [parts, places].reduce(
    (sum, cells) => sum + Math.min(cells, largestCount(cells, parameters.checked) + parameters.random),
    0,
  );
  return {
    taken: 4 + gradientsOf(parameters) * (linear ? 3 : 4) + 2 + checks,
    exact: 2 * 2 + parts + (places > 0 ? 2 + places : 0),
  };
}
