import { kvBytesPerToken as denseBytesPerToken } from '../../../kernels/cost/attention';
import type { Attention, ModelDescription, ModelPart } from '../model-description';
import type { Estimate } from './estimate';
import type { NumberFormat } from './estimate';
import { dtypeBytes, sum } from './estimate';

export interface CacheChoice {
  /** Positions in the cache. */
  readonly length: number;
  readonly batch?: number;
  /** dtype of the cache; the model's by default. */
  readonly dtype?: string;
  /**
   * What an MLA layer keeps: `latent` the compressed latent and the shared rotary key (arXiv:2405.04434, section 2.1.4),
   * `expanded` the keys and values of every head, as implementations without the absorbed form do.
   */
  readonly latents?: 'latent' | 'expanded';
}

const keepsNothing = ({ kind, sharesKvOf }: Attention): boolean =>
  sharesKvOf !== undefined || kind === 'none' || kind === 'linear' || kind === 'mamba';

/**
 * Elements that one kept position has in one layer: hkv (d + e); hkv d where key and value are one vector; the latent's width
 * plus the rotary part under MLA. The keys of an indexer come beside them (`indexElements`).
 */
export function cachedElements(attention: Attention, latents: CacheChoice['latents'] = 'latent'): number {
  const { kvHeads, headDim, latent, keyIsValue } = attention;
  if (keepsNothing(attention)) return 0;
  if (latent !== undefined && latents === 'latent') return latent.kvRank + latent.ropeDim;
  return keyIsValue === true ? kvHeads * headDim : denseBytesPerToken(attention, 1);
}

/**
 * Positions that a layer keeps of a sequence of `length`: the last ones of its window, and one for each `ratio` positions where
 * it compresses them (DeepSeek-V4 keeps both, reference code of 2026-04).
 */
export function cachedPositions({ window, compressed }: Attention, length: number): number {
  if (compressed !== undefined)
    return Math.min(length, compressed.window) + Math.floor(length / Math.max(1, compressed.ratio));
  return window === undefined ? length : Math.min(length, window);
}

/** Elements of an indexer's keys for a sequence of `length`: one key for each position that it can choose. */
export function indexElements(attention: Attention, length: number): number {
  const { indexer, compressed } = attention;
  if (indexer === undefined || keepsNothing(attention)) return 0;
  return indexer.headDim * (compressed === undefined ? length : Math.floor(length / Math.max(1, compressed.ratio)));
}

/** Elements that one more position adds in one layer in the long run: compressed ones add a part of an entry. */
function addedElements(attention: Attention, latents: CacheChoice['latents']): number {
  const ratio = attention.compressed?.ratio ?? 1;
  const index = attention.indexer === undefined || keepsNothing(attention) ? 0 : attention.indexer.headDim;
  return (cachedElements(attention, latents) + index) / Math.max(1, ratio);
}

/** The dtype of the cache: the one asked for, the one that the checkpoint's quantisation names, else the model's. */
export function cacheFormat(model: ModelDescription, dtype?: string): NumberFormat {
  const bits = model.quantisation?.cacheBits;
  if (dtype !== undefined) return { dtype };
  return bits === undefined
    ? model
    : { dtype: bits === 4 ? 'fp4' : 'fp8', dtypeFrom: `the config quantises the cache to ${bits} bits` };
}

/** The part that generates, and so the only one with a cache. */
export const cachingPart = (model: ModelDescription): ModelPart | undefined =>
  model.parts.find(({ role, layers }) => role === 'decoder' && layers.some(({ attention }) => attention.causal));

const nameOf = (attention: Attention): string => {
  if (attention.latent !== undefined) return 'latent layers';
  if (attention.compressed !== undefined) return `layers compressed ${attention.compressed.ratio} to 1`;
  if (attention.kind === 'window') return `layers with a window of ${attention.window ?? 0}`;
  return attention.kind === 'chunked' ? `layers in chunks of ${attention.window ?? 0}` : 'full layers';
};

/** KV cache of a sequence; undefined for models that keep none. */
export function kvCache(model: ModelDescription, choice: CacheChoice): Estimate | undefined {
  const part = cachingPart(model);
  if (part === undefined) return undefined;
  const batch = choice.batch ?? 1;
  const number = dtypeBytes(cacheFormat(model, choice.dtype));
  const split = new Map<string, number>();
  const add = (name: string, value: number): void => {
    if (value > 0) split.set(name, (split.get(name) ?? 0) + value);
  };
  const stateBytes = dtypeBytes(model).bytes;
  let shared = 0;
  let states = 0;
  for (const { attention, crossAttention } of part.layers) {
    const positions = cachedPositions(attention, choice.length);
    add(nameOf(attention), batch * positions * cachedElements(attention, choice.latents) * number.bytes);
    add('keys of indexers', batch * indexElements(attention, choice.length) * number.bytes);
    if (attention.sharesKvOf !== undefined) shared++;
    if (attention.kind === 'linear' || attention.kind === 'mamba' || attention.stateElements !== undefined) {
      states++;
      add('recurrent states', batch * (attention.stateElements ?? 0) * stateBytes);
    }
    if (crossAttention !== undefined) {
      add(
        'cross-attention',
        batch * sourceLength(model, crossAttention, choice.length) * cachedElements(crossAttention) * number.bytes,
      );
    }
  }
  const entries = [...split].map(([name, value]) => ({ name, value }));
  const latent = part.attention === 'mla' && choice.latents !== 'expanded';
  const unknown = part.layers.some(
    ({ attention }) =>
      (attention.kind === 'linear' || attention.kind === 'mamba') && attention.stateElements === undefined,
  );
  return {
    value: sum(entries),
    unit: 'bytes',
    formula: latent
      ? 'batch x layers x positions x (kv rank + rotary width) x bytes'
      : 'batch x sum over layers of positions x kv heads x (key width + value width) x bytes',
    assumptions: [
      `${choice.length} positions, batch ${batch}`,
      number.assumption,
      ...(part.layers.some(({ attention }) => attention.window !== undefined)
        ? ['window and chunk layers keep no more positions than they can read']
        : []),
      ...(latent ? ['MLA keeps the latent and the rotary key, shared by all heads'] : []),
      ...(shared > 0 ? [`${shared} layers read the keys and values of another layer`] : []),
      ...(states > 0
        ? [`${states} recurrent layers keep a state in the dtype of the model, whose size does not grow`]
        : []),
      ...(unknown ? ['the size of some recurrent states is not given and not counted'] : []),
      ...uncommonAssumptions(part, model, choice.length),
    ],
    split: entries,
  };
}

function uncommonAssumptions({ layers }: ModelPart, model: ModelDescription, length: number): readonly string[] {
  const some = (has: (attention: Attention) => boolean): boolean => layers.some(({ attention }) => has(attention));
  const cross = layers.flatMap(({ crossAttention }) => crossAttention ?? []);
  const [read] = cross;
  return [
    ...(some(({ keyIsValue }) => keyIsValue === true) ? ['key and value are one vector, kept once'] : []),
    ...(some(({ compressed }) => compressed !== undefined)
      ? ['layers that compress keep their window and one entry for each group of positions before']
      : []),
    ...(some(({ indexer }) => indexer !== undefined)
      ? ['an indexer keeps a key of its own for each position it can choose, in the dtype of the cache']
      : []),
    ...(read === undefined
      ? []
      : [
          `${cross.length} layers keep keys and values of ${sourceLength(model, read, length)} positions that they read besides`,
        ]),
  ];
}

/** Positions that cross-attention reads: those the file fixes, else the encoder's own limit, else as many as the decoder has. */
const sourceLength = (model: ModelDescription, cross: Attention, length: number): number =>
  cross.sourcePositions ??
  model.parts.find(({ role, name }) => role === 'audio' || name.endsWith('encoder'))?.contextLength ??
  length;

/**
 * Bytes that one more token adds over all layers, while no window is full yet; of layers that compress, the share of an entry
 * that it becomes. Cross-attention adds none: what it reads is there before the first token.
 */
export function kvBytesPerToken(model: ModelDescription, choice: Omit<CacheChoice, 'length'> = {}): number {
  const part = cachingPart(model);
  if (part === undefined) return 0;
  const number = dtypeBytes(cacheFormat(model, choice.dtype)).bytes * (choice.batch ?? 1);
  return part.layers.reduce((total, { attention }) => total + addedElements(attention, choice.latents) * number, 0);
}

/** The longest sequence whose cache fits, found by bisection since windows make the growth uneven; 0 when none fits. */
export function longestFitting(
  model: ModelDescription,
  limitBytes: number,
  choice: Omit<CacheChoice, 'length'> = {},
): number {
  const bytesAt = (length: number): number => kvCache(model, { ...choice, length })?.value ?? 0;
  let low = 0;
  let high = 2 ** 40;
  if (bytesAt(high) <= limitBytes) return Infinity;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (bytesAt(middle) <= limitBytes) low = middle;
    else high = middle;
  }
  return low;
}
