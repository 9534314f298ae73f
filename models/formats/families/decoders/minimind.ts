import type { ConfigReader } from '../../config/config-reader';
import type { FeedForward, ModelPart } from '../../model-description';
import type { DecoderLayout } from '../shared/decoder-layout';
import { writeDecoder } from '../shared/layout-tensors';
import { decoderFamily } from '../shared/decoder-family';
import type { StackFamily } from '../shared/family';
import type { Computation } from '../shared/computation';
import { honoured, idle, llamaLikeKeys, only } from '../shared/run-keys';
import { llamaLayout } from './llama';

/** The first form has the names of Meta's own Llama code, in the file and in the checkpoint. */
const isFirstForm = (part: ModelPart): boolean => part.fields['dim'] !== undefined;

const firstLayout: DecoderLayout = {
  root: '',
  embedding: 'tok_embeddings',
  layer: 'layers.{layer}.',
  attention: { prefix: 'attention.', projections: ['wq', 'wk', 'wv'], output: 'wo' },
  mlp: { prefix: 'feed_forward.', inputs: ['w1', 'w3'], output: 'w2' },
  norms: ['attention_norm', 'ffn_norm'],
  finalNorm: 'norm',
  head: 'output',
};

/** Eight thirds of the width, up to a multiple of 64, where the file gives no size. */
function networkOf(reader: ConfigReader): FeedForward {
  const hidden = reader.integer('hidden_size') ?? 0;
  const multiple = reader.has('multiple_of') ? (reader.integer('multiple_of', 1) ?? 64) : 64;
  const written = reader.integer('intermediate_size', 1);
  const size = written ?? multiple * Math.ceil(Math.trunc((8 * hidden) / 3) / multiple);
  if (written === undefined) reader.derive('intermediate_size', size, '8 / 3 * hidden_size, up to a multiple of 64');
  if (reader.boolean('use_moe') !== true) return { kind: 'dense', size, gated: true };
  // The first form says true for one shared expert.
  const shared = reader.raw('n_shared_experts');
  return {
    kind: 'experts',
    size,
    gated: true,
    experts: {
      count: reader.integer('num_experts', 1) ?? 0,
      perToken: reader.integer('num_experts_per_tok') ?? 0,
      sharedSize: (typeof shared === 'number' ? shared : shared === true ? 1 : 0) * size,
      sharedGate: false,
    },
  };
}

/** The first form has no key for it. */
const silu: Computation = { activation: (part) => part.activation ?? 'silu' };

const described = decoderFamily({
  id: 'minimind',
  title: 'MiniMind',
  types: ['minimind'],
  architectures: /^MiniMind/,
  tied: true,
  run: {
    ...llamaLikeKeys,
    // The first form's names.
    ...honoured('dim', 'n_layers', 'n_heads', 'n_kv_heads', 'hidden_dim', 'multiple_of', 'norm_eps', 'max_seq_len'),
    ...only([false, null], 'use_moe'),
    ...only([false, null], 'inference_rope_scaling'),
    ...idle('which program computes it', 'flash_attn'),
    ...idle('of experts, which are refused', 'n_routed_experts', 'n_shared_experts', 'num_experts_per_tok'),
    ...idle('of experts, which are refused', 'norm_topk_prob', 'scoring_func', 'aux_loss_alpha', 'seq_aux'),
  },
  choice: (reader) => {
    const network = networkOf(reader);
    return {
      // Neighbours are rotated together in the code of the first form.
      ...(reader.has('dim') ? { rope: { layout: 'interleaved' as const } } : {}),
      feedForward: () => network,
    };
  },
});

/** A small Llama to learn from, published in two forms. The tensors of its experts are not written down here. */
export const miniMind: StackFamily = {
  ...described,
  stack: (part) => ({ layout: isFirstForm(part) ? firstLayout : llamaLayout, computes: silu }),
  exact: (part) => part.layers.every(({ feedForward }) => feedForward.kind === 'dense'),
  tensors: (part, writer, top) => {
    writeDecoder(isFirstForm(part) ? firstLayout : llamaLayout)(part, writer, top);
  },
};
