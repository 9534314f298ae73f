/** The causal convolution in front of a recurrence, and what of a chunk the next one needs. */
import { exponential, negate } from '../../../kernels/graph/operators/elementwise';
import { transpose } from '../../../kernels/graph/operators/layout';
import { causalConvolution } from '../../../kernels/graph/operators/recurrence';
import type { Value } from '../../../kernels/graph/records';
import { activate } from '../layers';
import type { CausalConvolution } from '../state-spec';
import type { Activation } from '../weights-spec';
import { weight, type StoredWeights } from '../stored-weights';
import type { StateInput } from './state-mixer';

/** Shape of the inputs that are kept: `past` and `state` of `convolved`, without the batch. */
export const convolutionShape = ({ channels, size }: CausalConvolution): readonly number[] => [channels, size - 1];

/** x [b, n, channels], each channel convolved with its last positions; `past` and `state` are [b, channels, size - 1]. */
export function convolved(
  { graph, weights }: Pick<StateInput, 'graph' | 'weights'>,
  { weight: name, bias, channels, size }: CausalConvolution,
  x: Value,
  past: Value | undefined,
  activation: Activation | undefined,
): { readonly output: Value; readonly state: Value } {
  const kernel = weight(graph, weights, name, [channels, 1, size]);
  const { output, state } = causalConvolution(
    transpose(x, [0, 2, 1]),
    kernel,
    bias === undefined ? undefined : weight(graph, weights, bias, [channels]),
    past,
    activation === 'silu' ? 'silu' : 'none',
  );
  const given = transpose(output, [0, 2, 1]);
  return { output: activation === undefined || activation === 'silu' ? given : activate(activation, given), state };
}

/** -exp(A_log) of the stored logarithms, [..shape]: the rates at which a state decays. */
export function decayRates(
  { graph, weights }: { readonly graph: StateInput['graph']; readonly weights: StoredWeights },
  name: string,
  shape: readonly number[],
): Value {
  return negate(exponential(weight(graph, weights, name, shape)));
}
