import { decoderFamily } from '../shared/decoder-family';
import { stackedExperts } from '../shared/decoder-layout';
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
  record: ['attention_bias'],
  choice: (reader) => {
    // As wide as one expert; no key of the file says so.
    const shared = reader.integer('intermediate_size') ?? 0;
    const written = reader.numbers('no_rope_layers');
    const full = (index: number): boolean =>
      written === undefined || written.length === 0 ? (index + 1) % 4 === 0 : written[index] === 0;
    return {
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
