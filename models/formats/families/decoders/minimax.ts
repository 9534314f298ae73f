import type { ConfigReader } from '../../config/config-reader';
import { isObject } from '../../config/config-reader';
import type { JsonValue } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { remoteCode, transformers5 } from '../shared/family-row';
import { separateExperts } from '../shared/decoder-layout';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

const noBias = { ...llamaLayout.attention, inputBias: false, outputBias: false };
const names = {
  prefix: 'block_sparse_moe.',
  router: 'gate',
  routerBias: 'e_score_correction_bias',
  projections: ['w1', 'w3', 'w2'],
} as const;

/** Norms over all heads of query and of key together; half of each head rotates. */
export const miniMaxM2 = decoderFamily({
  id: 'minimax_m2',
  title: 'MiniMax-M2',
  release: transformers5,
  types: {
    minimax_m2: [
      'MiniMaxM2Config',
      {
        vocab_size: 200064,
        hidden_size: 3072,
        intermediate_size: 1536,
        num_hidden_layers: 62,
        num_attention_heads: 48,
        num_key_value_heads: 8,
        head_dim: 128,
        rotary_dim: 64,
        hidden_act: 'silu',
        max_position_embeddings: 196608,
        rms_norm_eps: 1e-6,
        rope_theta: 5000000,
        num_experts_per_tok: 8,
        num_local_experts: 256,
        use_qk_norm: true,
        use_routing_bias: true,
        bos_token_id: 200034,
        eos_token_id: 200020,
        tie_word_embeddings: false,
      },
    ],
  },
  architectures: /^MiniMaxM2For/,
  record: ['use_qk_norm', 'use_routing_bias'],
  choice: (reader) => {
    const dimensions = reader.integer('rotary_dim', 1);
    return dimensions === undefined ? {} : { rope: { dimensions } };
  },
  layout: {
    ...llamaLayout,
    attention: { ...noBias, norm: (part) => (flag(part, 'use_qk_norm', true) ? 'all' : undefined) },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: separateExperts(names),
  },
});

interface Sparsity {
  readonly heads: number;
  readonly headDim: number;
  /** Positions that a query reads: blocks chosen times their length. */
  readonly topK: number;
  readonly layers: readonly boolean[];
}

const named = (type: JsonValue): boolean => type === 'minimax_m3_sparse';

/** As transformers 5 writes it: flat keys, and the layers by name. */
function flatSparsity(reader: ConfigReader): Sparsity | undefined {
  const types = reader.has('layer_types') ? reader.list('layer_types') : undefined;
  if (types?.some(named) !== true) return undefined;
  const heads = reader.integer('index_n_heads', 1);
  const headDim = reader.integer('index_head_dim', 1);
  const blocks = reader.integer('index_topk_blocks', 1);
  const length = reader.integer('index_block_size', 1);
  if (heads === undefined || headDim === undefined || blocks === undefined || length === undefined) return undefined;
  return { heads, headDim, topK: blocks * length, layers: types.map(named) };
}

/** `sparse_attention_config` of MiniMax-M3, as far as it is whole; undefined: every layer reads everything. */
function sparsityOf(reader: ConfigReader): Sparsity | undefined {
  const config = reader.raw('sparse_attention_config');
  if (!isObject(config)) return flatSparsity(reader);
  if (config['use_sparse_attention'] === false) return undefined;
  const number = (key: string): number => {
    const value = config[key];
    return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0;
  };
  const layers = config['sparse_attention_freq'];
  const [heads, headDim] = [number('sparse_num_index_heads'), number('sparse_index_dim')];
  const topK = number('sparse_topk_blocks') * number('sparse_block_size');
  if (!Array.isArray(layers) || heads * headDim * topK === 0) return undefined;
  return { heads, headDim, topK, layers: layers.map((item) => item !== 0) };
}

const m3Values = { head_dim: 128, use_qk_norm: true, use_routing_bias: true, tie_word_embeddings: false };

/** A small scorer chooses blocks of keys; its query heads share one key. */
export const miniMaxM3 = decoderFamily({
  id: 'minimax_m3',
  title: 'MiniMax-M3',
  release: remoteCode,
  types: { minimax_m3: ['MiniMaxM3Config', m3Values], minimax_m3_vl_text: ['MiniMaxM3VLTextConfig', m3Values] },
  architectures: /^MiniMaxM3(Sparse)?ForCausalLM/,
  record: ['use_qk_norm', 'use_routing_bias'],
  choice: (reader) => {
    const dimensions = reader.integer('rotary_dim', 1);
    const intermediateSize = reader.integer('dense_intermediate_size', 1);
    const sparsity = sparsityOf(reader);
    return {
      ...(dimensions === undefined ? {} : { rope: { dimensions } }),
      ...(intermediateSize === undefined ? {} : { intermediateSize }),
      layerAttention: (index) =>
        sparsity?.layers[index] === true
          ? { indexer: { heads: sparsity.heads, headDim: sparsity.headDim, topK: sparsity.topK } }
          : {},
    };
  },
  layout: {
    ...llamaLayout,
    attention: {
      ...noBias,
      norm: (part) => (flag(part, 'use_qk_norm', true) ? 'head' : undefined),
      more: (writer, layer, part) => {
        const { indexer } = layer.attention;
        if (indexer === undefined) return;
        writer.linear('attention', 'index_q_proj', part.hiddenSize, indexer.heads * indexer.headDim, false);
        writer.linear('attention', 'index_k_proj', part.hiddenSize, indexer.headDim, false);
        writer.norm('index_q_norm', indexer.headDim, false);
        writer.norm('index_k_norm', indexer.headDim, false);
      },
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: separateExperts({
      ...names,
      shared: 'shared_experts.',
      sharedProjections: ['gate_proj', 'up_proj', 'down_proj'],
    }),
  },
});
