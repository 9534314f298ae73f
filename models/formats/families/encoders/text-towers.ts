/** Towers of text that are published beside a picture or a sound, and are models by themselves: BERT's, RoBERTa's and ViT's layers. */
import { bertLayout, encoderFamily, typeTable } from '../shared/encoder-family';
import { writePooler } from '../shared/encoder-heads';
import { flag } from '../shared/family';
import { activations, bertKeys, encoderSizes, honoured, idle, idleOfText, only } from '../shared/run-keys';
import { robertaKeys } from './bert';

const projection = idle('the width of a projection behind the last layer', 'projection_dim', 'project_dim');

/** What the classes of pairs name besides. */
const ofPairs = {
  ...projection,
  ...idle('of the projection behind the last layer', 'projection_hidden_act'),
  ...idle('first values of weights that are stored', 'initializer_factor'),
};

const behindPadding = { name: 'embeddings.position_embeddings', behindPadding: true } as const;

const pooler = { others: writePooler('pooler.dense', () => true) };

const clapText = encoderFamily({
  id: 'clap_text',
  title: 'CLAP text',
  types: ['clap_text_model'],
  architectures: /^ClapText/,
  run: { ...robertaKeys, ...ofPairs },
  heads: /^ClapTextModel$/,
  layout: { ...bertLayout, root: '', positions: behindPadding, heads: pooler },
});

/** XLM-RoBERTa, whose rows are projected behind it. */
const altClipText = encoderFamily({
  id: 'altclip_text',
  title: 'AltCLIP text',
  types: ['altclip_text_model'],
  architectures: /^AltCLIPText/,
  record: ['project_dim'],
  run: { ...robertaKeys, ...ofPairs },
  heads: /^AltCLIPTextModel$/,
  layout: {
    ...bertLayout,
    root: 'roberta.',
    positions: behindPadding,
    heads: {
      others: (part, writer) => {
        const { hiddenSize: hidden } = part;
        const width = part.fields['project_dim']?.value;
        writer.as('head').norm('pre_LN', hidden, true);
        writer.linear('head', 'transformation', hidden, typeof width === 'number' ? width : hidden, true);
      },
    },
  },
});

/** BERT under other names. */
const bertTexts = encoderFamily({
  id: 'bert_text',
  title: 'BERT as a tower of text',
  types: ['chinese_clip_text_model', 'align_text_model'],
  architectures: /^(ChineseCLIP|Align)Text/,
  run: { ...bertKeys, ...ofPairs },
  heads: /^(ChineseCLIP|Align)TextModel$/,
  layout: { ...bertLayout, root: '', heads: pooler },
});

/** The layers of a ViT behind BERT's embedding. */
const flavaText = encoderFamily({
  id: 'flava_text',
  title: 'FLAVA text',
  types: ['flava_text_model'],
  architectures: /^FlavaText/,
  record: ['qkv_bias'],
  run: { ...bertKeys, ...ofPairs, ...honoured('qkv_bias') },
  heads: /^FlavaTextModel$/,
  computes: { norms: ['attention', 'network'] },
  layout: {
    ...bertLayout,
    root: '',
    attention: {
      prefix: 'attention.',
      projections: ['attention.query', 'attention.key', 'attention.value'],
      output: 'output.dense',
      inputBias: (part) => flag(part, 'qkv_bias', true),
      outputBias: true,
    },
    norms: ['layernorm_before', 'layernorm_after'],
    finalNorm: 'layernorm',
    types: [typeTable],
    heads: pooler,
  },
});

/** Llama's network and norms with learned positions; texts are read from left to right, and end with a token of their own. */
const aimV2Text = encoderFamily({
  id: 'aimv2_text',
  title: 'AIMv2 text',
  types: ['aimv2_text_model'],
  architectures: /^Aimv2Text/,
  record: ['qkv_bias', 'mlp_bias'],
  run: {
    ...idleOfText,
    ...encoderSizes,
    ...honoured('vocab_size', 'max_position_embeddings', 'rms_norm_eps', 'qkv_bias', 'mlp_bias'),
    ...only(activations, 'hidden_act'),
    ...ofPairs,
  },
  choice: () => ({ causal: true, norm: 'rms', gated: true }),
  heads: /^Aimv2TextModel$/,
  computes: { norms: ['attention', 'network'] },
  layout: {
    root: '',
    embedding: 'embeddings.token_embedding',
    positions: { name: 'embeddings.position_embedding' },
    layer: 'encoder.layers.{layer}.',
    attention: {
      prefix: 'attention.',
      projections: ['q_proj', 'k_proj', 'v_proj'],
      output: 'out_proj',
      inputBias: (part) => flag(part, 'qkv_bias'),
      outputBias: (part) => flag(part, 'qkv_bias'),
    },
    mlp: {
      prefix: 'ffn.',
      inputs: ['gate_proj', 'up_proj'],
      output: 'down_proj',
      bias: (part) => flag(part, 'mlp_bias'),
    },
    norms: ['rms_norm1', 'rms_norm2'],
    finalNorm: 'rms_norm',
    heads: {},
  },
});

export const textTowers = [clapText, altClipText, bertTexts, flavaText, aimV2Text];
