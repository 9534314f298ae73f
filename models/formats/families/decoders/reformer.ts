import type { ConfigReader } from '../../config/config-reader';
import type { LayerKind } from '../../config/layer-kinds';
import { encoderFamily } from '../shared/encoder-family';

/** Positions that a query may read: its own chunk and those before and after it. */
function reach(reader: ConfigReader, kind: 'local' | 'lsh'): number {
  const chunk = reader.integer(`${kind}_attn_chunk_length`, 1) ?? 64;
  const before = reader.integer(`${kind}_num_chunks_before`) ?? 1;
  const after = reader.integer(`${kind}_num_chunks_after`) ?? 0;
  return chunk * (before + 1 + after);
}

/**
 * Reformer (arXiv:2001.04451): local attention in chunks, or attention among positions that fall into one bucket of a hash,
 * sorted and cut into chunks, with queries and keys of one projection. There are as many layers as `attn_layers` has words.
 */
export const reformer = encoderFamily({
  id: 'reformer',
  title: 'Reformer',
  types: ['reformer'],
  architectures: /^Reformer(Model|For)/,
  tied: false,
  record: ['attn_layers', 'num_hashes', 'num_buckets', 'axial_pos_embds'],
  choice: (reader) => {
    const words = reader.strings('attn_layers') ?? [];
    const [local, hashed] = [reach(reader, 'local'), reach(reader, 'lsh')];
    const kinds: readonly LayerKind[] = words.map((word) =>
      word === 'lsh'
        ? { kind: 'full', note: `a query reads some ${hashed} positions with a hash like its own` }
        : { kind: 'window' },
    );
    return {
      role: reader.boolean('is_decoder') === true ? 'decoder' : 'encoder',
      window: local,
      layers: kinds.length,
      layerKinds: () => kinds,
      headDim: reader.integer('attention_head_size') ?? 0,
      intermediateSize: reader.integer('feed_forward_size') ?? 0,
    };
  },
});
