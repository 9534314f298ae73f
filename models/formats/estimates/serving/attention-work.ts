/** What attention over the positions of one layer costs beside its projections. */
import { pairFlops } from '../../../../kernels/cost/attention';
import type { Attention } from '../../model-description';
import { indexFlops } from '../flops';
import { cachedElements, cachedPositions, indexElements } from '../kv-cache';
import { attends, indexedPositions, promptIndexPairs, promptPairs, readPositions } from '../pairs';
import type { Phase, ServingRequest } from './request';

/** The work of one layer for all sequences of the batch, before it is shared between devices. */
export interface AttentionWork {
  readonly flops: number;
  /** Bytes of the cache that are read and written. */
  readonly cacheBytes: number;
  /** Bytes of queries, outputs, and scores where these are stored. */
  readonly activationBytes: number;
  /** Bytes of new keys and values, which lie where the key/value heads do. */
  readonly newBytes: number;
  /** The share of `activationBytes` that products pass over, at the rate of products where that was measured. */
  readonly productBytes: number;
}

const none: AttentionWork = { flops: 0, cacheBytes: 0, activationBytes: 0, newBytes: 0, productBytes: 0 };

/** Rows of queries and outputs; and `pairs` scores where they are stored. */
function activationOf(
  attention: Attention,
  request: ServingRequest,
  bytes: Bytes,
  rows: number,
  pairs: number,
): Pick<AttentionWork, 'activationBytes' | 'productBytes'> {
  const one = request.batch * bytes.activation;
  const scores = request.kernels === 'plain' ? attention.heads * pairs : 0;
  return { activationBytes: one * (rows + passes * scores), productBytes: one * (rows + productPasses * scores) };
}

/** Bytes of one number. */
export interface Bytes {
  /** In the cache. */
  readonly cache: number;
  /** In a recurrent state. */
  readonly state: number;
  /** Between operators. */
  readonly activation: number;
}

/** Passes over stored scores: written by Q K^T, read and written by the mask and by the softmax, read by P V (kernels/cost). */
const passes = 6;
/** How many of these passes belong to the two products. */
const productPasses = 2;

export const isRecurrent = ({ kind }: Attention): boolean => kind === 'linear' || kind === 'mamba';

/**
 * Numbers that one position holds for a layer, whether it keeps them itself or reads another layer's: hkv (d + e); of a latent
 * its width and the rotary part; half of it where key and value are one vector.
 */
export function positionElements(attention: Attention, latents: ServingRequest['latents']): number {
  const { sharesKvOf: _shared, ...own } = attention;
  return cachedElements(own, latents === 'absorbed' ? 'latent' : 'expanded');
}

const oneQuery = ({ heads, kvHeads, headDim, valueDim }: Attention) =>
  ({ pattern: 'noncausal-self', batch: 1, heads, kvHeads, queries: 1, keys: 1, headDim, valueDim }) as const;

/**
 * Flops of `pairs` pairs of query and key: heads x pairs x (2 (key width + value width) + 5). Over a latent (absorbed MLA,
 * arXiv:2405.04434, section 2.1.2) keys are as wide as latent and rotary part, values as the latent.
 */
function scoreFlops(attention: Attention, pairs: number, absorbed: boolean): number {
  const { latent } = attention;
  const widths =
    latent === undefined || !absorbed ? {} : { headDim: latent.kvRank + latent.ropeDim, valueDim: latent.kvRank };
  return pairFlops(oneQuery({ ...attention, ...widths }), pairs);
}

/** One layer that attends to the sequence itself. */
export function selfWork(attention: Attention, request: ServingRequest, phase: Phase, bytes: Bytes): AttentionWork {
  const { batch, prompt, context, latents } = request;
  // A state is read and written by each token that is decoded; a prompt leaves it behind once.
  const states = batch * (attention.stateElements ?? 0) * bytes.state * (phase === 'decode' ? 2 : 1);
  if (isRecurrent(attention)) return { ...none, cacheBytes: states };
  if (!attends(attention)) return none;
  const { heads, headDim, valueDim, kvHeads } = attention;
  const length = phase === 'prefill' ? prompt : context + 1;
  const queries = phase === 'prefill' ? prompt : 1;
  const absorbed = phase === 'decode' && latents === 'absorbed';
  const read = readPositions(attention, length);
  const stored = request.kernels === 'plain';
  const pairs = phase === 'decode' ? read : stored ? prompt * prompt : promptPairs(attention, prompt);
  const own = attention.sharesKvOf === undefined;
  const element = positionElements(attention, latents);
  const kept = cachedPositions(attention, prompt);
  // A step reads what lies in the cache and writes the new position. A prompt writes what it leaves behind.
  const positions = phase === 'decode' ? read : own ? kept : 0;
  const indexed = indexElements(attention, length);
  const indexPairs = phase === 'decode' ? indexedPositions(attention, length) : promptIndexPairs(attention, prompt);
  // In a decoding step they count with the cache.
  const inputs = phase === 'prefill' ? prompt * kvHeads * (headDim + valueDim) : 0;
  return {
    flops: batch * (scoreFlops(attention, pairs, absorbed) + indexFlops(attention, indexPairs)),
    // Falcon-H1 has a state beside its heads.
    cacheBytes: batch * (positions * element + indexed) * bytes.cache + states,
    ...activationOf(attention, request, bytes, queries * heads * (headDim + valueDim), pairs),
    newBytes: batch * inputs * bytes.activation,
  };
}

/**
 * One layer that attends to `source` positions of another part (an image). A prompt writes their keys and values, and each of
 * its tokens reads them all; a token that is decoded reads them all.
 */
export function crossWork(
  attention: Attention,
  source: number,
  request: ServingRequest,
  phase: Phase,
  bytes: Bytes,
): AttentionWork {
  const { batch, prompt } = request;
  const queries = phase === 'prefill' ? prompt : 1;
  const pairs = queries * source;
  return {
    flops: batch * pairFlops(oneQuery(attention), pairs),
    cacheBytes: batch * source * positionElements(attention, request.latents) * bytes.cache,
    newBytes: 0,
    ...activationOf(
      attention,
      request,
      bytes,
      queries * attention.heads * (attention.headDim + attention.valueDim),
      pairs,
    ),
  };
}
