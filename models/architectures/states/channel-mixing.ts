/**
 * The network of RWKV (arXiv:2305.13048, equation 18), which also reads the previous position: its last input is a state of the
 * block, beside those of the time mixing (`wkv.ts`), which declares it among its own.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { sigmoid } from '../../../kernels/graph/operators/elementwise';
import { reshape } from '../../../kernels/graph/operators/layout';
import type { Value } from '../../../kernels/graph/records';
import { linear } from '../layers';
import { ModelError } from '../model-spec';
import type { ChannelMixing } from '../network-spec';
import type { StoredWeights } from '../stored-weights';
import { networkState, newState, pastState } from './names';
import { shift, shifted } from './wkv';

/** What `up` reads, and what multiplies the output of `down`, both for x [b, n, w] or [1, w] of one position. */
export function channelMixing(
  graph: GraphBuilder,
  { mix, gateMix, gate, ofEarlier }: ChannelMixing,
  weights: StoredWeights,
  x: Value,
): { readonly up: Value; readonly gate: Value } {
  const past = graph.values.get(pastState(networkState));
  if (!past) throw new ModelError('A network that reads the position in front of its own is not computed here.');
  const rows = x.shape.length === 2 ? reshape(x, [1, 1, x.shape[1] ?? 1]) : x;
  const { earlier, last } = shift(rows, past);
  graph.output(last, newState(networkState));
  const [own, other] = ofEarlier ? [earlier, rows] : [rows, earlier];
  const mixed = (name: string): Value => reshape(shifted({ graph, weights }, name, own, other), x.shape);
  return { up: mixed(mix), gate: sigmoid(linear(graph, weights, gate, mixed(gateMix))) };
}
