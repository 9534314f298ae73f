import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { Attention, Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import type { Computation } from '../shared/computation';
import { amount } from '../shared/family';
import { groupedKeys, groupedSigmoid } from '../shared/routers';
import { honoured, idle, llamaLikeKeys, type RunKeys } from '../shared/run-keys';
import { deepseekExperts, latentKeys, latentRecord, latentScale } from './deepseek';
import { llamaLayout } from './llama';

/**
 * Sparse attention of DeepSeek-V3.2 (arXiv:2512.02556, section 2.1): beside the latent attention of DeepSeek-V3 a small
 * scorer, whose heads share one key, chooses `index_topk` positions for each query.
 */

/** GLM-5.2 scores in some layers only; the layers between read the positions chosen by the last one that did. */
function scores(reader: ConfigReader): (index: number) => boolean {
  const types = reader.has('indexer_types') ? reader.strings('indexer_types') : undefined;
  if (types !== undefined) return (index) => types[index] !== 'shared';
  const frequency = reader.integer('index_topk_freq', 1);
  if (frequency === undefined) return () => true;
  const offset = reader.integer('index_skip_topk_offset') ?? 2;
  return (index) => Math.max(index - offset + 1, 0) % frequency === 0;
}

function sparse(reader: ConfigReader): Partial<TransformerChoice> {
  const heads = reader.integer('index_n_heads', 1);
  const headDim = reader.integer('index_head_dim', 1);
  const topK = reader.integer('index_topk', 1);
  const scoring = scores(reader);
  return {
    rope: { layout: 'interleaved' },
    layerAttention: (index): Partial<Attention> => {
      if (heads === undefined || headDim === undefined || topK === undefined) return {};
      if (scoring(index)) return { indexer: { heads, headDim, topK } };
      return { note: `reads the ${topK} positions that an earlier layer chose` };
    },
  };
}

/** The scorer takes its queries from the query latent; its key is normed with a bias. */
function writeIndexer(writer: TensorWriter, layer: Layer, part: ModelPart): void {
  const { indexer, latent } = layer.attention;
  if (indexer === undefined) return;
  const own = writer.under('indexer.');
  own.linear('attention', 'wq_b', latent?.queryRank ?? part.hiddenSize, indexer.heads * indexer.headDim, false);
  own.linear('attention', 'wk', part.hiddenSize, indexer.headDim, false);
  own.norm('k_norm', indexer.headDim, true);
  own.linear('attention', 'weights_proj', part.hiddenSize, indexer.heads, false);
}

const sparseKeys: RunKeys = {
  ...llamaLikeKeys,
  ...groupedKeys,
  ...latentKeys,
  ...honoured('index_topk'),
  ...idle('of the scorer, which chooses all positions of a text that is short enough', 'index_n_heads'),
  ...idle('of the scorer, which chooses all positions of a text that is short enough', 'index_head_dim'),
  ...idle('of the scorer, which chooses all positions of a text that is short enough', 'index_topk_freq'),
  ...idle('of the scorer, which chooses all positions of a text that is short enough', 'index_skip_topk_offset'),
  ...idle('of the scorer, which chooses all positions of a text that is short enough', 'indexer_rope_interleave'),
};

const computes: Computation = {
  scale: latentScale,
  router: groupedSigmoid,
  // As many positions as the scorer chooses are all of a text that has no more.
  readsAllOf: (part) => amount(part, 'index_topk') ?? 2048,
};

const layout = {
  ...llamaLayout,
  attention: { ...llamaLayout.attention, unread: writeIndexer },
  experts: deepseekExperts(true),
  mlp: { ...llamaLayout.mlp, bias: false },
};

export const deepseekV32 = decoderFamily({
  id: 'deepseek_v32',
  title: 'DeepSeek-V3.2',
  types: ['deepseek_v32'],
  architectures: /^DeepseekV32For/,
  run: sparseKeys,
  computes,
  record: latentRecord,
  choice: sparse,
  layout,
});

export const glmMoeDsa = decoderFamily({
  id: 'glm_moe_dsa',
  title: 'GLM-5',
  types: ['glm_moe_dsa'],
  architectures: /^GlmMoeDsaFor/,
  run: { ...sparseKeys, ...honoured('mlp_layer_types'), ...idle('scorers of some layers alone', 'indexer_types') },
  computes,
  record: latentRecord,
  choice: sparse,
  layout,
});
