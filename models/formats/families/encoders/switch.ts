/** Switch Transformers (arXiv:2101.03961): T5 whose every second or third network is routed experts, of which a token takes one. */
import type { FeedForward, ModelPart } from '../../model-description';
import { plainExperts } from '../shared/decoder-layout';
import type { CompositeFamily, StackRow } from '../shared/family';
import { sizeOf } from '../shared/family';
import { writeHalves } from '../shared/halves';
import { honoured, idle, only, routerIdle } from '../shared/run-keys';
import { half, readT5, t5Keys } from './t5';

/**
 * What an expert gives counts its share of the softmax (section 2.1, equation 2). An expert takes so many tokens of a text and leaves the
 * rest, so that longer texts are not run.
 */
const routed =
  (name: 'encoder' | 'decoder') =>
  (part: ModelPart, modelType: string | undefined): StackRow => {
    const { layout, computes } = half(name, { network: 'mlp' })(part, modelType);
    return {
      layout: {
        ...layout,
        experts: plainExperts({
          prefix: layout.mlp.prefix,
          router: 'router.classifier',
          plain: ['wi', 'wo'],
          each: 'experts.expert_{expert}.',
        }),
      },
      computes: {
        ...computes,
        router: () => ({ scores: 'softmax' }),
        longest: (own) => sizeOf(own, 'expert_capacity'),
      },
    };
  };

const halves = { decoder: routed('decoder'), encoder: routed('encoder') };

export const switchTransformers: CompositeFamily = {
  kind: 'composite',
  id: 'switch_transformers',
  title: 'Switch Transformers',
  modelTypes: ['switch_transformers'],
  architectures: /^SwitchTransformers/,
  tied: true,
  task: 'sequence-to-sequence',
  run: {
    ...t5Keys,
    ...routerIdle,
    ...honoured('num_experts', 'num_sparse_encoder_layers', 'num_sparse_decoder_layers', 'expert_capacity'),
    ...only([false], 'router_bias'),
    ...idle('losses of training', 'router_z_loss_coef'),
    ...idle('the class computes them from the numbers of sparse layers', 'encoder_sparse_step', 'decoder_sparse_step'),
    ...idle('which numbers the router is computed in: those of a run are float32', 'router_dtype'),
    ...idle('nothing is padded', 'router_ignore_padding_tokens'),
    ...idle('what a call in Python returns', 'add_router_probs'),
    ...idle('the class says of itself whether it reads a source', 'add_cross_attention'),
  },
  ...halves,
  read: (reader) => {
    reader.integer('expert_capacity');
    const count = reader.integer('num_experts', 1) ?? 0;
    const size = reader.integer('intermediate_size') ?? 0;
    const experts = { count, perToken: 1, sharedSize: 0, sharedGate: false };
    return readT5(reader, 'switch_transformers', (name, layers) => {
      const sparse = reader.integer(`num_sparse_${name}_layers`) ?? 0;
      const step = sparse > 0 ? Math.floor(layers / sparse) : layers;
      return {
        feedForward: (index): FeedForward =>
          step > 0 && (step === 1 || index % step === 1)
            ? { kind: 'experts', size, gated: false, experts }
            : { kind: 'dense', size, gated: false },
      };
    });
  },
  tensors: (model, table) => writeHalves(halves, model, table),
};
