import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import type { FeedForward, ModelPart } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { namedExperts } from '../shared/decoder-layout';
import { amount } from '../shared/family';
import { honoured, idle, llamaLikeKeys, only, routerIdle } from '../shared/run-keys';
import { latentKeys, latentScale } from './deepseek';
import { llamaLayout } from './llama';

/**
 * LongCat-Flash (arXiv:2509.01322): a stored layer has two latent attentions and two dense networks, which are two layers here. The experts
 * read what the first network reads, and their output is added after the second (section 2.2). Some experts return their input (section
 * 2.1).
 */

const projections = ['gate_proj', 'up_proj', 'down_proj'] as const;

const isFirst = (index: number): boolean => index % 2 === 0;

function choose(reader: ConfigReader): Partial<TransformerChoice> {
  const stored = reader.integer('num_layers', 1) ?? 0;
  const size = reader.integer('ffn_hidden_size') ?? 0;
  const expertSize = reader.integer('expert_ffn_hidden_size') ?? 0;
  const count = reader.integer('n_routed_experts') ?? 0;
  const perToken = reader.integer('moe_topk') ?? 0;
  const identity = reader.integer('zero_expert_num') ?? 0;
  const dense: FeedForward = { kind: 'dense', size, gated: true };
  const experts = { count, identity, perToken, sharedSize: size, sharedGate: false };
  return {
    layers: 2 * stored,
    rope: { layout: 'interleaved' },
    feedForward: (index) => (isFirst(index) ? { kind: 'experts', size: expertSize, gated: true, experts } : dense),
  };
}

const identityExperts = ({ layers: [layer] }: ModelPart): number => layer?.feedForward.experts?.identity ?? 0;

export const longCatFlash = decoderFamily({
  id: 'longcat_flash',
  title: 'LongCat-Flash',
  types: ['longcat_flash'],
  architectures: /^LongcatFlashFor/,
  record: ['attention_bias', 'zero_expert_num', 'routed_scaling_factor'],
  run: {
    ...llamaLikeKeys,
    ...latentKeys,
    ...routerIdle,
    ...honoured('num_layers', 'ffn_hidden_size', 'expert_ffn_hidden_size', 'n_routed_experts', 'moe_topk'),
    ...honoured('zero_expert_num', 'routed_scaling_factor'),
    ...idle('the class has two for each of num_layers', 'num_hidden_layers'),
    ...idle('as many as heads: keys are made of the latent', 'num_key_value_heads'),
    // Keys of files that were published with code of their own; the class supports only these values.
    ...only([true, null], 'mla_scale_q_lora', 'mla_scale_kv_lora'),
    ...only([false, null], 'router_bias', 'norm_topk_prob'),
    ...only(['identity', null], 'zero_expert_type'),
    ...only(['MLA', null], 'attention_method'),
    ...idle('products of the router are in float32', 'router_dtype'),
    ...idle('layers that predict further tokens are not run', 'num_nextn_predict_layers'),
  },
  computes: {
    scale: latentScale,
    latentFactors: ({ hiddenSize }, { attention: { latent } }) =>
      latent && {
        query: Math.sqrt(hiddenSize / (latent.queryRank ?? hiddenSize)),
        latent: Math.sqrt(hiddenSize / latent.kvRank),
      },
    router: (part) => ({ scores: 'softmax', factor: amount(part, 'routed_scaling_factor') ?? 1 }),
    identityExperts,
    shortcut: (_part, { index }) => (isFirst(index) ? 'leaves' : 'joins'),
  },
  choice: choose,
  layout: {
    ...llamaLayout,
    layerParts: 2,
    attention: { ...llamaLayout.attention, prefix: 'self_attn.{part}.' },
    mlp: { ...llamaLayout.mlp, prefix: 'mlps.{part}.', bias: false },
    norms: ['input_layernorm.{part}', 'post_attention_layernorm.{part}'],
    experts: namedExperts(
      (writer, { experts, size }, _layer, part) => {
        if (experts === undefined) return;
        const { hiddenSize: hidden } = part;
        const own = writer.under('mlp.');
        const all = experts.count + identityExperts(part);
        own.add('router', 'router.classifier.weight', [all, hidden]);
        own.add('router', 'router.e_score_correction_bias', [all]);
        const [gate, up, down] = projections;
        const networks = [
          [own.experts(experts, 'experts.{expert}.'), 'experts', size],
          [writer.under('mlps.{part}.'), 'mlp', experts.sharedSize],
        ] as const;
        for (const [at, group, inner] of networks) {
          at.linear(group, gate, hidden, inner, false);
          at.linear(group, up, hidden, inner, false);
          at.linear(group, down, inner, hidden, false);
        }
      },
      {
        ...{ prefix: 'mlp.', router: 'router.classifier', routerBias: 'router.e_score_correction_bias' },
        ...{ projections, sharedAt: 'mlps.{part}.' },
      },
    ),
  },
});
