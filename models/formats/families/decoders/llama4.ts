import { decoderFamily } from '../shared/decoder-family';
import { stackedExperts } from '../shared/decoder-layout';
import { amount, flag } from '../shared/family';
import { honoured, idle, llamaLikeKeys, only, routerIdle } from '../shared/run-keys';
import { llamaLayout } from './llama';

/**
 * Three layers in four attend within chunks and rotate; every fourth attends to everything without rotation. Experts, and
 * one network as wide as they beside them for every token; its norms of queries and keys have no weights.
 */
export const llama4 = decoderFamily({
  id: 'llama4',
  title: 'Llama 4',
  types: ['llama4_text'],
  architectures: /^Llama4ForCausalLM/,
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'no_rope_layers', 'layer_types', 'attention_chunk_size', 'use_qk_norm'),
    ...honoured('attn_temperature_tuning', 'attn_scale', 'floor_scale', 'moe_layers', 'interleave_moe_layer_step'),
    ...honoured('num_local_experts', 'num_experts_per_tok', 'intermediate_size_mlp'),
    ...only([4, null], 'no_rope_layer_interval'),
    ...idle('the class has attention_chunk_size', 'sliding_window'),
    ...idle('of files for other programs', 'for_llm_compressor'),
    ...routerIdle,
  },
  computes: {
    plainHeadNorms: (part, { attention }) => attention.rope !== undefined && flag(part, 'use_qk_norm', true),
    tempered: (part, { attention }) =>
      attention.rope === undefined && flag(part, 'attn_temperature_tuning', true)
        ? { by: amount(part, 'attn_scale') ?? 0.1, every: amount(part, 'floor_scale') ?? 8192, from: 1 }
        : undefined,
    router: () => ({ scores: 'sigmoid', onInput: true }),
  },
  choice: (reader) => {
    // As wide as one expert; no key of the file says so.
    const shared = reader.integer('intermediate_size') ?? 0;
    const written = reader.numbers('no_rope_layers');
    const full = (index: number): boolean =>
      written === undefined || written.length === 0 ? (index + 1) % 4 === 0 : written[index] === 0;
    return {
      rope: { layout: 'interleaved' },
      sharedSize: shared,
      unrotated: (index) => full(index),
      ...(reader.has('layer_types')
        ? {}
        : {
            layerKinds: (count: number) =>
              Array.from({ length: count }, (_, index) => ({
                kind: full(index) ? ('full' as const) : ('chunked' as const),
              })),
          }),
    };
  },
  layout: {
    ...llamaLayout,
    mlp: { prefix: 'feed_forward.', inputs: ['gate_proj', 'up_proj'], output: 'down_proj' },
    experts: stackedExperts({
      prefix: 'feed_forward.',
      router: 'router',
      shared: 'shared_expert.',
      inputFirst: true,
    }),
  },
});
