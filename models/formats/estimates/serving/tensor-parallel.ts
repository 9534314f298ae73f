/**
 * Tensor parallelism as in Megatron-LM (arXiv:1909.08053, section 3): each layer is cut by heads and by the inner width of its
 * network over p devices, and their partial sums are added by an all-reduce after the attention and one after the network.
 */
import type { Attention, Layer } from '../../model-description';
import type { Matrix } from './matrices';

/** The largest share of a device when `units` that cannot be cut are dealt out. */
const largestShare = (units: number, devices: number): number =>
  units <= 0 ? 1 / devices : Math.ceil(units / devices) / units;

/** Maps from the stream to a latent, and between the stream and the latent of experts: small, and all of what they give is needed. */
const toLatent = /(^|[._])(q_a|kv_a)_proj|(^|\.)w(q|kv)_a$|latent_(proj|down|up)$/;
const ofKeysOrValues = /(^|[._])(k|v|key|value)(_proj)?$/;
const ofAll = /(^|\.)(qkv_proj|query_key_value|wqkv|w_pack|c_attn|att_proj)$/i;

/** Share of a matrix that one device holds and multiplies by: routers, norms and the small maps to latents are on each. */
export function matrixShare(
  matrix: Pick<Matrix, 'group' | 'name' | 'multiplied'>,
  heads: number,
  kvHeads: number,
  devices: number,
): number {
  const { group, name, multiplied } = matrix;
  if (devices === 1 || group === 'norms' || group === 'router' || toLatent.test(name)) return 1;
  if (group !== 'attention') return 1 / devices;
  if (multiplied === 0) return 1;
  const [ofQueries, ofCache] = [largestShare(heads, devices), largestShare(kvHeads, devices)];
  if (ofAll.test(name)) return (heads * ofQueries + 2 * kvHeads * ofCache) / (heads + 2 * kvHeads);
  return ofKeysOrValues.test(name) ? ofCache : ofQueries;
}

/** Share of a layer's cache on one device. A latent, or one key/value head, is on each. */
export const cacheShare = (attention: Attention, absorbed: boolean, devices: number): number =>
  devices === 1
    ? 1
    : attention.latent !== undefined && absorbed
      ? 1
      : attention.kind === 'linear' || attention.kind === 'mamba'
        ? 1 / devices
        : largestShare(attention.kvHeads, devices);

export const headShare = ({ heads }: Attention, devices: number): number =>
  devices === 1 ? 1 : largestShare(heads, devices);

/**
 * Bytes that each of p devices sends so that all have the sum of their `bytes`: 2 (p - 1) / p x bytes, in a ring (Patarasu and
 * Yuan, Journal of Parallel and Distributed Computing 69(2), 2009), which no other way undercuts.
 */
export const allReduceBytes = (bytes: number, devices: number): number => (2 * (devices - 1) * bytes) / devices;

/** So that each has the pieces of all: (p - 1) / p x the whole. */
export const allGatherBytes = (bytes: number, devices: number): number => ((devices - 1) * bytes) / devices;

/** Sums after the attention, the cross-attention and the network of a layer. */
export const sumsOf = ({ attention, crossAttention, feedForward }: Layer): number =>
  (attention.kind === 'none' ? 0 : 1) + (crossAttention === undefined ? 0 : 1) + (feedForward.kind === 'none' ? 0 : 1);
