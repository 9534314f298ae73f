/** Decoders from before Llama's names became usual. */
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';
import { fairseqAttention, paddingOffset } from '../shared/bart-layout';
import { flag, word } from '../shared/family';
import { activations, gptSizes, honoured, idle, idleOfText, only } from '../shared/run-keys';
import type { ModelPart } from '../../model-description';

/** fairseq's names: BART's decoder without cross-attention. */
const fairseq: DecoderLayout = {
  root: 'model.',
  embedding: 'embed_tokens',
  layer: 'layers.{layer}.',
  attention: fairseqAttention,
  mlp: { prefix: '', inputs: ['fc1'], output: 'fc2', bias: true },
  norms: ['self_attn_layer_norm', 'final_layer_norm'],
  normBias: true,
  finalNorm: 'layer_norm',
};

const rootOfWidth = (part: ModelPart): number | undefined =>
  flag(part, 'scale_embedding', true) ? Math.sqrt(part.hiddenSize) : undefined;

const bioGpt = decoderFamily({
  id: 'biogpt',
  title: 'BioGPT',
  types: ['biogpt'],
  architectures: /^BioGpt/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'),
    ...honoured('max_position_embeddings', 'layer_norm_eps', 'scale_embedding', 'tie_word_embeddings'),
    ...only(activations, 'hidden_act'),
  },
  computes: { embeddingScale: rootOfWidth },
  choice: () => ({ gated: false, norm: 'layer', positions: 'learned' }),
  layout: {
    ...fairseq,
    root: 'biogpt.',
    positions: { name: 'embed_positions', offset: paddingOffset },
    head: 'output_projection',
  },
});

const xglm = decoderFamily({
  id: 'xglm',
  title: 'XGLM',
  types: ['xglm'],
  architectures: /^XGLM/,
  tied: true,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'd_model', 'ffn_dim', 'num_layers', 'attention_heads', 'max_position_embeddings'),
    ...honoured('hidden_size', 'num_hidden_layers', 'num_attention_heads', 'scale_embedding', 'tie_word_embeddings'),
    ...only(activations, 'activation_function'),
    ...only([false], 'add_cross_attention'),
    ...idle('which token a decoder behind an encoder begins with', 'decoder_start_token_id'),
  },
  computes: {
    embeddingScale: rootOfWidth,
    waves: ({ hiddenSize }) => ({ span: hiddenSize / 2 - 1, offset: paddingOffset }),
  },
  choice: () => ({ gated: false, norm: 'layer', positions: 'sinusoidal' }),
  layout: fairseq,
});

/** The first GPT: norms behind attention and network, none behind the layers. */
const openAiGpt = decoderFamily({
  id: 'openai-gpt',
  title: 'GPT',
  types: ['openai-gpt'],
  architectures: /^OpenAIGPT/,
  tied: true,
  run: {
    ...gptSizes,
    ...only(['gelu', 'relu', 'silu', 'swish'], 'afn'),
    ...idle('of classifiers and multiple choice', 'summary_activation', 'summary_proj_to_labels', 'summary_type'),
    ...idle('of classifiers and multiple choice', 'summary_use_proj'),
  },
  computes: {
    norms: ['attention.sum', 'network.sum'],
    // The class means the tanh form by `gelu`.
    activation: (part) => (word(part, 'afn') === 'gelu' ? 'gelu_new' : word(part, 'afn')),
  },
  record: ['afn'],
  choice: (reader) => ({
    gated: false,
    norm: 'layer',
    positions: 'learned',
    intermediateSize: 4 * (reader.integer('hidden_size') ?? 0),
  }),
  layout: {
    root: 'transformer.',
    embedding: 'tokens_embed',
    layer: 'h.{layer}.',
    attention: {
      prefix: 'attn.',
      projections: ['c_attn'],
      output: 'c_proj',
      inputBias: true,
      outputBias: true,
      transposed: true,
    },
    mlp: { prefix: 'mlp.', inputs: ['c_fc'], output: 'c_proj', bias: true },
    norms: ['ln_1', 'ln_2'],
    normBias: true,
    positions: { name: 'positions_embed' },
  },
});

/** Salesforce's CTRL: waves for positions, norms before the branches. */
const ctrl = decoderFamily({
  id: 'ctrl',
  title: 'CTRL',
  types: ['ctrl'],
  architectures: /^CTRL/,
  tied: true,
  run: { ...gptSizes, ...honoured('dff') },
  record: ['dff'],
  computes: {
    embeddingScale: ({ hiddenSize }) => Math.sqrt(hiddenSize),
    waves: ({ hiddenSize }) => ({ span: hiddenSize / 2, offset: 0 }),
    activation: () => 'relu',
  },
  choice: (reader) => ({
    gated: false,
    norm: 'layer',
    positions: 'sinusoidal',
    intermediateSize: reader.integer('dff', 1) ?? 0,
  }),
  layout: {
    root: 'transformer.',
    embedding: 'w',
    layer: 'h.{layer}.',
    attention: {
      prefix: 'multi_head_attention.',
      projections: ['Wq', 'Wk', 'Wv'],
      output: 'dense',
      inputBias: true,
      outputBias: true,
    },
    mlp: { prefix: 'ffn.', inputs: ['0'], output: '2', bias: true },
    norms: ['layernorm1', 'layernorm2'],
    normBias: true,
    finalNorm: 'layernorm',
    headBias: true,
  },
});

export const olderDecoders = [bioGpt, xglm, openAiGpt, ctrl];
