import { mixtureKey } from '../../config/head-mixture';
import { decoderFamily } from '../shared/decoder-family';
import { namedExperts } from '../shared/decoder-layout';
import { normalisedSoftmax } from '../shared/routers';
import { activations, honoured, llamaLikeKeys, only, routerIdle } from '../shared/run-keys';
import { llamaLayout } from './llama';

const stacked = ['input_linear.weight', 'output_linear.weight'] as const;

/** JetMoE (arXiv:2404.07413): experts of query and output projections, whose keys and values are shared, and experts of networks. */
export const jetMoe = decoderFamily({
  id: 'jetmoe',
  title: 'JetMoE',
  types: ['jetmoe'],
  architectures: /^JetMoeFor/,
  tied: true,
  run: {
    ...llamaLikeKeys,
    ...honoured('kv_channels', 'num_local_experts', 'num_experts_per_tok'),
    ...only(activations, 'activation_function'),
    ...only([null], mixtureKey),
    ...routerIdle,
  },
  // The class gives the norms of its layers the epsilon that its norm has by itself, and the last one that of the key.
  computes: { router: normalisedSoftmax, layerEpsilon: 1e-6 },
  choice: (reader) => {
    // The class has as many heads, whatever else a file says.
    const each = reader.integer('num_key_value_heads', 1) ?? 0;
    const heads = each * (reader.integer('num_experts_per_tok', 1) ?? 0);
    return reader.has('num_attention_heads') ? {} : { heads };
  },
  layout: {
    ...llamaLayout,
    attention: {
      prefix: 'self_attention.',
      projections: ['experts.input_linear', 'kv_proj'],
      output: 'experts.output_linear',
      experts: {
        router: 'experts.router.layer',
        query: 'experts.input_linear',
        output: 'experts.output_linear',
        outputBias: 'experts.bias',
        keysAndValues: 'kv_proj',
      },
    },
    experts: namedExperts(
      (writer, { experts, size }, _layer, { hiddenSize: hidden }) => {
        if (experts === undefined) return;
        const own = writer.under('mlp.');
        own.add('router', 'router.layer.weight', [experts.count, hidden]);
        own.stacked(experts, stacked[0], [2 * size, hidden]);
        own.stacked(experts, stacked[1], [hidden, size]);
        own.add('experts', 'bias', [hidden]);
      },
      { prefix: 'mlp.', router: 'router.layer', stacked, outputBias: 'bias' },
    ),
  },
});
