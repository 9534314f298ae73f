/** NLLB-MoE (arXiv:2207.04672, section 6): M2M-100 with routed experts in every fourth layer, of which a token takes two. */
import type { FeedForward } from '../../model-description';
import { bartEncoderKeys, bartKeys, bartStack, paddingOffset } from '../shared/bart-layout';
import { plainExperts } from '../shared/decoder-layout';
import type { CompositeFamily, StackRow } from '../shared/family';
import { amount } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { writeHalves } from '../shared/halves';
import { honoured, idle, only, routerIdle, type RunKeys } from '../shared/run-keys';
import { readFlat } from './encoder-decoder';

const run: RunKeys = {
  ...bartKeys,
  ...bartEncoderKeys,
  ...routerIdle,
  ...honoured('num_experts', 'encoder_sparse_step', 'decoder_sparse_step', 'moe_token_dropout'),
  // Other values choose the second expert at random, or let experts take fewer tokens than a text has.
  ...only(['all'], 'second_expert_policy'),
  ...only([1], 'moe_eval_capacity_token_fraction'),
  ...only([false], 'router_bias'),
  ...idle('as many as a text has tokens, where moe_eval_capacity_token_fraction is 1', 'expert_capacity'),
  ...idle('which tokens an expert drops, and it drops none', 'batch_prioritized_routing'),
  ...idle('which tokens an expert drops, and it drops none', 'normalize_router_prob_before_dropping'),
  ...idle('losses of training', 'router_z_loss_coef'),
  ...idle('which numbers the router is computed in: those of a run are float32', 'router_dtype'),
  ...idle('nothing is padded', 'router_ignore_padding_tokens'),
};

/**
 * The outputs of the two experts are weighed by their shares of the softmax, scaled to sum to 1, and then reduced by the part that was
 * dropped in training. The class of transformers 5.2 sends tokens to other experts than it weighs. This follows the class before it, for
 * which the model was published.
 */
const half = (root: string): StackRow => {
  const { layout, computes } = bartStack(root, {
    finalNorm: 'layer_norm',
    waves: ({ hiddenSize }) => ({ span: hiddenSize / 2 - 1, offset: paddingOffset }),
    words: () => 'shared',
  });
  const { positions: _, logitsBias: __, ...own } = layout;
  return {
    layout: {
      ...own,
      cross: { prefix: 'cross_attention.', norm: 'cross_attention_layer_norm' },
      mlp: { ...layout.mlp, prefix: 'ffn.' },
      norms: ['self_attn_layer_norm', 'ff_layer_norm'],
      experts: plainExperts({
        prefix: 'ffn.',
        router: 'router.classifier',
        plain: ['fc1', 'fc2'],
        each: 'experts.expert_{expert}.',
        bias: true,
      }),
    },
    computes: {
      ...computes,
      router: (part) => ({
        scores: 'softmax',
        normalised: true,
        factor: 1 - (amount(part, 'moe_token_dropout') ?? 0),
      }),
    },
  };
};

const halves = { decoder: half('model.decoder.'), encoder: half('model.encoder.') };

export const nllbMoe: CompositeFamily = {
  kind: 'composite',
  id: 'nllb-moe',
  title: 'NLLB-MoE',
  modelTypes: ['nllb-moe'],
  architectures: /^NllbMoe/,
  tied: true,
  task: 'sequence-to-sequence',
  run,
  ...halves,
  read: (reader) => {
    const count = reader.integer('num_experts', 1) ?? 0;
    const experts = { count, perToken: 2, sharedSize: 0, sharedGate: false };
    return {
      parts: readFlat(reader, {
        family: 'nllb-moe',
        positions: 'sinusoidal',
        encoderLength: 'max_position_embeddings',
        decoderLength: 'max_position_embeddings',
        encoderRole: 'encoder',
        record: recordedKeys({ run }),
        choice: (name) => {
          const step = reader.integer(`${name}_sparse_step`) ?? 0;
          const size = reader.integer(`${name}_ffn_dim`) ?? 0;
          return {
            feedForward: (index): FeedForward =>
              step > 0 && (index + 1) % step === 0
                ? { kind: 'experts', size, gated: false, experts }
                : { kind: 'dense', size, gated: false },
          };
        },
      }),
      exact: true,
    };
  },
  tensors: (model, table) => writeHalves(halves, model, table),
};
