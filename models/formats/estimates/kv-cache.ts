import { kvBytesPerToken as denseBytesPerToken } from '../../../kernels/cost/attention';
import type { Attention, ModelDescription, ModelPart } from '../model-description';
import type { Estimate } from './estimate';
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

/** Elements that one position adds in one layer: hkv (d + e), or the latent's width plus the rotary part. */
export function cachedElements(attention: Attention, latents: CacheChoice['latents'] = 'latent'): number {
  const { kind, latent, sharesKvOf } = attention;
  if (sharesKvOf !== undefined || kind === 'none' || kind === 'linear' || kind === 'mamba') return 0;
  if (latent !== undefined && latents === 'latent') return latent.kvRank + latent.ropeDim;
  return denseBytesPerToken(attention, 1);
}

/** Positions that a layer keeps of a sequence of `length`. */
export const cachedPositions = (attention: Attention, length: number): number =>
  attention.window === undefined ? length : Math.min(length, attention.window);

/** The part that generates, and so the only one with a cache. */
export const cachingPart = (model: ModelDescription): ModelPart | undefined =>
  model.parts.find(({ role, layers }) => role === 'decoder' && layers.some(({ attention }) => attention.causal));

const nameOf = (attention: Attention): string => {
  if (attention.latent !== undefined) return 'latent layers';
  if (attention.kind === 'window') return `layers with a window of ${attention.window ?? 0}`;
  return attention.kind === 'chunked' ? `layers in chunks of ${attention.window ?? 0}` : 'full layers';
};

/** KV cache of a sequence; undefined for models that keep none. */
export function kvCache(model: ModelDescription, choice: CacheChoice): Estimate | undefined {
  const part = cachingPart(model);
  if (part === undefined) return undefined;
  const batch = choice.batch ?? 1;
  const number = dtypeBytes(choice.dtype ?? model.dtype);
  const split = new Map<string, number>();
  const add = (name: string, value: number): void => {
    if (value > 0) split.set(name, (split.get(name) ?? 0) + value);
  };
  let shared = 0;
  let states = 0;
  for (const { attention, crossAttention } of part.layers) {
    const positions = cachedPositions(attention, choice.length);
    add(nameOf(attention), batch * positions * cachedElements(attention, choice.latents) * number.bytes);
    if (attention.sharesKvOf !== undefined) shared++;
    if (attention.kind === 'linear' || attention.kind === 'mamba') {
      states++;
      add('recurrent states', batch * (attention.stateElements ?? 0) * number.bytes);
    }
    if (crossAttention !== undefined) {
      add(
        'cross-attention',
        batch * encoderLength(model, choice.length) * cachedElements(crossAttention) * number.bytes,
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
      ...(states > 0 ? [`${states} recurrent layers keep a state whose size does not grow`] : []),
      ...(unknown ? ['the size of some recurrent states is not given and not counted'] : []),
    ],
    split: entries,
  };
}

/** Positions of the encoder: its own limit, else as many as the decoder has. */
const encoderLength = (model: ModelDescription, length: number): number =>
  model.parts.find(({ role, name }) => role === 'audio' || name.endsWith('encoder'))?.contextLength ?? length;

/** Bytes that one more token adds over all layers, while no window is full yet. */
export function kvBytesPerToken(model: ModelDescription, choice: Omit<CacheChoice, 'length'> = {}): number {
  const part = cachingPart(model);
  if (part === undefined) return 0;
  const number = dtypeBytes(choice.dtype ?? model.dtype).bytes * (choice.batch ?? 1);
  return part.layers.reduce((total, { attention }) => total + cachedElements(attention, choice.latents) * number, 0);
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
