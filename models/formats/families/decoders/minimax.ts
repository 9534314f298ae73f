import type { ConfigReader } from '../../config/config-reader';
import { isObject } from '../../config/config-reader';
import type { JsonValue } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { separateExperts } from '../shared/decoder-layout';
import { amount, flag } from '../shared/family';
import type { ModelPart } from '../../model-description';
import { normalisedSoftmax } from '../shared/routers';
import { llamaLayout } from './llama';
import { honoured, idle, llamaLikeKeys, only, routerIdle } from '../shared/run-keys';

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
  types: ['minimax_m2'],
  architectures: /^MiniMaxM2For/,
  run: {
    ...llamaLikeKeys,
    ...honoured('num_local_experts', 'num_experts', 'num_experts_per_tok', 'rotary_dim', 'partial_rotary_factor'),
    ...only([true], 'use_qk_norm', 'use_routing_bias'),
    // Files of code of its own: attention in every layer, and no network beside the experts.
    attn_type_list: { kind: 'each', values: [1] } as const,
    ...only([0, null], 'shared_intermediate_size'),
    ...routerIdle,
  },
  computes: { router: () => ({ scores: 'sigmoid', normalised: true }) },
  choice: (reader) => {
    const dimensions = reader.has('rotary_dim') ? reader.integer('rotary_dim', 1) : undefined;
    return dimensions === undefined ? {} : { rope: { dimensions } };
  },
  layout: {
    ...llamaLayout,
    attention: { ...noBias, norm: (part) => (flag(part, 'use_qk_norm', true) ? 'all' : undefined) },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: separateExperts(names),
  },
});

const factorKeys = {
  full: ['full_attn_alpha_factor', 'full_attn_beta_factor'],
  linear: ['linear_attn_alpha_factor', 'linear_attn_beta_factor'],
  network: ['mlp_alpha_factor', 'mlp_beta_factor'],
} as const;

const lightningWidth = (part: ModelPart): number => part.heads * part.headDim;

/** MiniMax-01 (arXiv:2501.08313): lightning attention in most layers, norms on the stream itself, experts in all. */
export const miniMax = decoderFamily({
  id: 'minimax',
  title: 'MiniMax-01',
  types: ['minimax'],
  architectures: /^MiniMaxForCausalLM/,
  record: Object.values(factorKeys).flat(),
  run: {
    ...llamaLikeKeys,
    ...routerIdle,
    ...honoured(
      'layer_types',
      'num_local_experts',
      'num_experts',
      'num_experts_per_tok',
      ...Object.values(factorKeys).flat(),
    ),
    ...idle('the same recurrence in pieces', 'block_size'),
  },
  computes: {
    router: normalisedSoftmax,
    onStream: (part, { attention }) => {
      const factors = ([kept, added]: readonly [string, string]) => ({
        kept: amount(part, kept) ?? 1,
        added: amount(part, added) ?? 1,
      });
      return {
        attention: factors(attention.kind === 'linear' ? factorKeys.linear : factorKeys.full),
        network: factors(factorKeys.network),
      };
    },
    state: (part, { attention }) =>
      attention.kind === 'linear'
        ? { kind: 'lightning', prefix: 'self_attn.', heads: part.heads, headDim: part.headDim }
        : undefined,
  },
  choice: (reader) => ({
    stateElements:
      (reader.integer('num_attention_heads') ?? 0) *
      (reader.integer('head_dim') ??
        (reader.integer('hidden_size') ?? 0) / (reader.integer('num_attention_heads') ?? 1)) **
        2,
  }),
  layout: {
    ...llamaLayout,
    attention: noBias,
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: separateExperts({ prefix: 'block_sparse_moe.', router: 'gate', projections: ['w1', 'w3', 'w2'] }),
    mixer: (writer, _layer, part) => {
      const own = writer.under('self_attn.');
      const width = lightningWidth(part);
      own.linear('mixer', 'qkv_proj', part.hiddenSize, 3 * width, false);
      own.linear('mixer', 'output_gate', part.hiddenSize, width, false);
      own.linear('mixer', 'out_proj', width, part.hiddenSize, false);
      own.norm('norm', width, false);
    },
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

/** A small scorer chooses blocks of keys; its query heads share one key. */
export const miniMaxM3 = decoderFamily({
  id: 'minimax_m3',
  title: 'MiniMax-M3',
  types: ['minimax_m3', 'minimax_m3_vl_text'],
  architectures: /^MiniMaxM3(Sparse)?ForCausalLM/,
  record: ['use_qk_norm', 'use_routing_bias'],
  run: {
    ...llamaLikeKeys,
    ...honoured('num_local_experts', 'num_experts', 'num_experts_per_tok', 'rotary_dim', 'partial_rotary_factor'),
    ...honoured('dense_intermediate_size', 'moe_intermediate_size', 'shared_intermediate_size', 'n_shared_experts'),
    ...honoured('moe_layer_freq', 'first_k_dense_replace', 'mlp_layer_types', 'layer_types', 'routed_scaling_factor'),
    ...honoured('sparse_attention_config', 'index_n_heads', 'index_head_dim', 'index_topk_blocks', 'index_block_size'),
    ...honoured('swiglu_alpha', 'swiglu_limit'),
    ...idle('the blocks next to a query are among those that it reads', 'index_local_blocks'),
    ...only(['swigluoai'], 'hidden_act'),
    ...only([true], 'use_qk_norm', 'use_routing_bias', 'use_gemma_norm'),
    ...only(['per_head', null], 'qk_norm_type'),
    ...only(['sigmoid', null], 'scoring_func'),
    ...only([false, null], 'attention_output_gate'),
    ...idle('layers that predict further tokens are not run', 'num_mtp_modules', 'num_nextn_predict_layers'),
    ...routerIdle,
  },
  computes: {
    gainOffset: 1,
    heldGate: (part) => ({ bound: amount(part, 'swiglu_limit') ?? 7, slope: amount(part, 'swiglu_alpha') ?? 1.702 }),
    router: (part) => {
      const factor = amount(part, 'routed_scaling_factor');
      return { scores: 'sigmoid', normalised: true, ...(factor === undefined || factor === 1 ? {} : { factor }) };
    },
    // The number of positions in all blocks that a query chooses; it would leave out some of a longer text.
    readsAllOf: ({ layers }) => {
      const read = layers.flatMap(({ attention: { indexer } }) => (indexer ? [indexer.topK] : []));
      return read.length === 0 ? undefined : Math.min(...read);
    },
  },
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
      unread: (writer, layer, part) => {
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
