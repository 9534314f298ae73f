/** A stack of BART and its kin: half of an encoder-decoder, or a decoder that stands alone. */
import type { ModelPart } from '../../model-description';
import type { Computation } from './computation';
import type { DecoderLayout } from './decoder-layout';
import { flag, type StackRow } from './family';
import { activations, honoured, idle, idleOfText, only, type RunKeys } from './run-keys';

/** Rows of a table of positions that stand before the first and are never used (fairseq's padding offset). */
export const paddingOffset = 2;

/** Names of attention in fairseq's layers. */
export const fairseqAttention: DecoderLayout['attention'] = {
  prefix: 'self_attn.',
  projections: ['q_proj', 'k_proj', 'v_proj'],
  output: 'out_proj',
  inputBias: true,
  outputBias: true,
};

export interface BartForm {
  /** Rows of the table of positions in front of the first one; fairseq's padding offset when absent. */
  readonly offset?: number;
  /** A norm of the embedding: of the whole, or of the words before positions are added. */
  readonly embeddingNorm?: 'whole' | 'words' | ((part: ModelPart) => 'whole' | undefined);
  /** Norms stand before the branches and, of this name, behind the stack; absent: they are of the sums. */
  readonly finalNorm?: string | ((part: ModelPart) => string | undefined);
  /** Positions are waves where no table of them is stored. */
  readonly waves?: Computation['waves'];
  /** The class does not make the head of its words. */
  readonly ownHead?: true;
  readonly head?: string | ((part: ModelPart) => string);
  /** Width of what cross-attention reads, where it is not that of the stack. */
  readonly crossWidth?: (part: ModelPart) => number | undefined;
  /** Name of the table of words that both halves read. */
  readonly words?: (part: ModelPart) => string | undefined;
}

/** Tensors and arithmetic of a stack below `root`, e.g. `model.decoder.`. */
export function bartStack(
  root: string,
  { offset = paddingOffset, embeddingNorm, finalNorm, waves, head, ownHead, crossWidth, words }: BartForm,
): StackRow {
  const behind = (part: ModelPart) => (typeof finalNorm === 'function' ? finalNorm(part) : finalNorm);
  const norm = (part: ModelPart) => (typeof embeddingNorm === 'function' ? embeddingNorm(part) : embeddingNorm);
  return {
    layout: {
      root,
      embedding: 'embed_tokens',
      ...(words === undefined ? {} : { words }),
      logitsBias: 'final_logits_bias',
      positions: { name: 'embed_positions', offset },
      embeddingNorm: (part) => (norm(part) === undefined ? undefined : 'layernorm_embedding'),
      layer: 'layers.{layer}.',
      attention: fairseqAttention,
      cross: {
        prefix: 'encoder_attn.',
        norm: 'encoder_attn_layer_norm',
        ...(crossWidth === undefined ? {} : { width: crossWidth }),
      },
      mlp: { prefix: '', inputs: ['fc1'], output: 'fc2', bias: true },
      norms: ['self_attn_layer_norm', 'final_layer_norm'],
      normBias: true,
      finalNorm: behind,
      ...(head === undefined ? {} : { head }),
    },
    computes: {
      norms: (part) => (behind(part) === undefined ? ['attention.sum', 'network.sum'] : ['attention', 'network']),
      embeddingScale: (part) => (flag(part, 'scale_embedding') ? Math.sqrt(part.hiddenSize) : undefined),
      ...(embeddingNorm === 'words' ? { wordNorm: true } : {}),
      ...(waves === undefined ? {} : { waves }),
      ...(ownHead ? { ownHead } : {}),
    },
  };
}

export const bartEncoderKeys: RunKeys = honoured('encoder_layers', 'encoder_attention_heads', 'encoder_ffn_dim');

/** Keys of the decoder and of both halves together. */
export const bartKeys: RunKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'd_model', 'decoder_layers', 'decoder_attention_heads', 'decoder_ffn_dim'),
  ...honoured('max_position_embeddings', 'scale_embedding', 'tie_word_embeddings'),
  ...only(activations, 'activation_function'),
  ...idle('the class says of itself whether it reads from left to right', 'is_decoder'),
  ...idle('other names of sizes of the two halves', 'hidden_size', 'num_attention_heads', 'num_hidden_layers'),
  ...idle('drops layers in training alone', 'decoder_layerdrop', 'encoder_layerdrop'),
  ...idle('which tokens a text begins and ends with', 'decoder_start_token_id', 'forced_eos_token_id'),
  ...idle('which tokens a text begins and ends with', 'forced_bos_token_id'),
};
