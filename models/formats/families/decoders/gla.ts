import type { ConfigReader } from '../../config/config-reader';
import { numberOf } from '../../config/recurrent-state';
import { decoderFamily } from '../shared/decoder-family';

/** Two thirds of hidden_ratio x the width, up to a multiple of 256. */
function networkSize(reader: ConfigReader, hidden: number): number {
  const look = numberOf(reader);
  return look('intermediate_size') ?? 256 * Math.ceil(Math.trunc((hidden * (look('hidden_ratio') ?? 4) * 2) / 3) / 256);
}

/**
 * Gated linear attention (arXiv:2312.06635): each head keeps a matrix of key width x value width, and there is no cache.
 * The releases of its library store the network under names of their own, so that its tensors are not compared.
 */
export const gla = decoderFamily({
  id: 'gla',
  title: 'Gated linear attention',
  types: ['gla'],
  architectures: /^GLAFor/,
  choice: (reader) => {
    const hidden = reader.integer('hidden_size') ?? 0;
    const heads = reader.integer('num_attention_heads') ?? 0;
    const width = (key: string): number =>
      heads === 0 ? 0 : Math.floor(Math.trunc(hidden * (reader.number(key) ?? 1)) / heads);
    const [headDim, valueDim] = [width('expand_k'), width('expand_v')];
    return {
      headDim,
      valueDim,
      positions: 'none',
      norm: 'rms',
      gated: true,
      intermediateSize: networkSize(reader, hidden),
      stateElements: heads * headDim * valueDim,
      layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'linear' })),
    };
  },
});
