/** Decoders from before Llama's names became usual. */
import { decoderFamily } from '../shared/decoder-family';
import type { DecoderLayout } from '../shared/decoder-layout';

/** Rows of a table of positions that stand before the first and are never used (fairseq's padding offset). */
export const paddingOffset = 2;

/** fairseq's names: BART's decoder without cross-attention. */
const fairseq: DecoderLayout = {
  root: 'model.',
  embedding: 'embed_tokens',
  layer: 'layers.{layer}.',
  attention: {
    prefix: 'self_attn.',
    projections: ['q_proj', 'k_proj', 'v_proj'],
    output: 'out_proj',
    inputBias: true,
    outputBias: true,
  },
  mlp: { prefix: '', inputs: ['fc1'], output: 'fc2', bias: true },
  norms: ['self_attn_layer_norm', 'final_layer_norm'],
  normBias: true,
  finalNorm: 'layer_norm',
};

const bioGpt = decoderFamily({
  id: 'biogpt',
  title: 'BioGPT',
  types: ['biogpt'],
  architectures: /^BioGpt/,
  tied: true,
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

export const olderDecoders = [bioGpt, xglm, openAiGpt];
