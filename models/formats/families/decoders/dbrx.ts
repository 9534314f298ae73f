import { isObject, type JsonObject } from '../../config/config-reader';
import type { FeedForward, ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { namedExperts } from '../shared/decoder-layout';
import { honoured, idle, idleOfText, nested, only, routerIdle } from '../shared/run-keys';

const merged = ['experts.mlp.w1', 'experts.mlp.v1', 'experts.mlp.w2'] as const;

const objectIn = (part: ModelPart, key: string): JsonObject => {
  const value = part.fields[key]?.value;
  return isObject(value) ? value : {};
};

function numberIn(part: ModelPart, key: string, inner: string): number | undefined {
  const value = objectIn(part, key)[inner];
  return typeof value === 'number' ? value : undefined;
}

/**
 * Its sizes lie in `attn_config` and `ffn_config`; the experts of a layer are stored below one another in three tensors.
 * The class of transformers 5.2 takes `ffn_config.hidden_size` for units and `ffn_hidden_size` for the stream, by which the published model
 * cannot be computed; here they are what the model was trained with, as in 4.x.
 */
export const dbrx = decoderFamily({
  id: 'dbrx',
  title: 'DBRX',
  types: ['dbrx'],
  architectures: /^DbrxFor/,
  run: {
    ...idleOfText,
    ...honoured('d_model', 'n_heads', 'n_layers', 'max_seq_len', 'vocab_size', 'tie_word_embeddings'),
    ...honoured('num_key_value_heads', 'rope_parameters', 'rope_theta'),
    ...honoured('hidden_size', 'num_attention_heads', 'num_hidden_layers', 'max_position_embeddings'),
    ...nested('attn_config', {
      ...honoured('clip_qkv', 'kv_n_heads', 'rope_theta'),
      ...idle('drops activations in training alone', 'attn_pdrop'),
    }),
    ...nested('ffn_config', {
      ...honoured('ffn_hidden_size', 'moe_num_experts', 'moe_top_k', 'ffn_act_fn'),
      ...only([1, null], 'moe_normalize_expert_weights'),
      ...idle('noise and a loss of training', 'moe_jitter_eps', 'moe_loss_weight', 'uniform_expert_assignment'),
      ...idle('the class reads d_model', 'hidden_size'),
    }),
    ...routerIdle,
  },
  computes: {
    clip: (part) => numberIn(part, 'attn_config', 'clip_qkv'),
    activation: (part) => {
      const named = objectIn(part, 'ffn_config')['ffn_act_fn'];
      return isObject(named) && typeof named['name'] === 'string' ? named['name'] : 'silu';
    },
    router: (part) => ({
      scores: 'softmax',
      normalised: objectIn(part, 'ffn_config')['moe_normalize_expert_weights'] !== null,
    }),
  },
  record: ['attn_config', 'ffn_config'],
  choice: (reader) => {
    const attention = reader.child('attn_config');
    const network = reader.child('ffn_config');
    const feedForward: FeedForward = {
      kind: 'experts',
      size: network?.integer('ffn_hidden_size') ?? 3584,
      gated: true,
      experts: {
        count: network?.integer('moe_num_experts', 1) ?? 4,
        perToken: network?.integer('moe_top_k', 1) ?? 1,
        sharedSize: 0,
        sharedGate: false,
      },
    };
    return {
      norm: 'layer',
      kvHeads: attention?.integer('kv_n_heads', 1) ?? 1,
      feedForward: () => feedForward,
      // transformers 5 reads its base from the top, where earlier releases have none.
      ...(attention === undefined || reader.has('rope_parameters') ? {} : { rope: { holder: attention } }),
    };
  },
  layout: {
    root: 'transformer.',
    embedding: 'wte',
    layer: 'blocks.{layer}.',
    attention: { prefix: 'norm_attn_norm.attn.', projections: ['Wqkv'], output: 'out_proj' },
    mlp: { prefix: 'ffn.', inputs: ['w1', 'v1'], output: 'w2' },
    experts: namedExperts(
      (writer, { experts, size }, _layer, part) => {
        if (experts === undefined) return;
        const own = writer.under('ffn.');
        own.add('router', 'router.layer.weight', [experts.count, part.hiddenSize]);
        for (const name of merged) own.merged(experts, name, [size, part.hiddenSize]);
      },
      { prefix: 'ffn.', router: 'router.layer', merged },
    ),
    norms: ['norm_attn_norm.norm_1', 'norm_attn_norm.norm_2'],
    finalNorm: 'norm_f',
  },
});
