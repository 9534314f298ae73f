/** Vision-language models of a tower, a projector and a text model, as transformers has them. */
import type { ConfigReader, JsonObject } from '../../config/config-reader';
import type { Projector } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { CompositeRow, PartRow } from './composite';
import { compositeFamily } from './composite';
import { flag } from '../shared/family';
import { siglipSo400m } from '../towers/siglip-sizes';
import { activations, honoured, idle, only } from '../shared/run-keys';

export const clipLarge: JsonObject = {
  hidden_size: 1024,
  intermediate_size: 4096,
  patch_size: 14,
  image_size: 336,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  vocab_size: 32000,
  projection_dim: 768,
};

const textConfig = [['text_config']];
const visionConfig = [['vision_config']];

/** A linear layer, an activation and another, in the names of LLaVA. */
export function writeTwoLayers(writer: TensorWriter, projector: Projector | undefined, bias: boolean): void {
  if (projector === undefined) return;
  const { inputSize, outputSize } = projector;
  writer.linear('projector', 'multi_modal_projector.linear_1', inputSize, outputSize, bias);
  writer.linear('projector', 'multi_modal_projector.linear_2', outputSize, outputSize, bias);
}

const llavaProjector: CompositeRow['projector'] = ({ text, towers: [tower] }, reader) => {
  const taps = reader.raw('vision_feature_layer');
  return {
    kind: 'two linear layers',
    inputSize: (tower?.hiddenSize ?? 0) * (Array.isArray(taps) ? Math.max(1, taps.length) : 1),
    outputSize: text.hiddenSize,
  };
};

/** What files of these models say at the top beside the objects of their parts. */
const wholeKeys = {
  ...honoured('text_config', 'vision_config', 'tie_word_embeddings', 'image_token_index', 'image_token_id'),
  ...idle('ends and fills texts, and marks what no loss counts', 'pad_token_id', 'bos_token_id', 'eos_token_id'),
  ...idle('ends and fills texts, and marks what no loss counts', 'ignore_index'),
  ...idle('whether keys and values are kept: speed alone', 'use_cache'),
  ...idle('first values of weights that are stored', 'initializer_range'),
  ...idle('text_config says it', 'vocab_size', 'hidden_size', 'pad_token'),
};

const llavaKeys = {
  ...wholeKeys,
  ...honoured('vision_feature_layer', 'multimodal_projector_bias'),
  ...only(['default', 'full'], 'vision_feature_select_strategy'),
  ...only(activations, 'projector_hidden_act'),
  ...idle('the rows of an image are counted in every run', 'image_seq_length'),
};

interface LlavaRow {
  readonly id: string;
  readonly title: string;
  readonly architectures: RegExp;
  readonly textType: string;
  readonly tower: Pick<PartRow, 'type' | 'whole'>;
  readonly newline: boolean;
  readonly run?: CompositeRow['run'];
}

const llavaLike = (row: LlavaRow) =>
  compositeFamily({
    ...row,
    textAlone: true,
    text: { at: textConfig, type: row.textType, names: 'language_model.' },
    towers: [{ ...row.tower, at: visionConfig, names: 'vision_tower.' }],
    projector: llavaProjector,
    tensors: (writer, { text }, model) => {
      writeTwoLayers(writer, model.projector, flag(model, 'multimodal_projector_bias', true));
      if (row.newline) writer.add('projector', 'image_newline', [text.hiddenSize]);
    },
  });
const clipTower = { type: 'clip_vision_model', whole: clipLarge };

export const llava = llavaLike({
  id: 'llava',
  title: 'LLaVA',
  architectures: /^LlavaFor/,
  textType: 'llama',
  tower: clipTower,
  newline: false,
  run: llavaKeys,
});
export const llavaNext = llavaLike({
  id: 'llava_next',
  title: 'LLaVA-NeXT',
  architectures: /^LlavaNextFor/,
  textType: 'llama',
  tower: clipTower,
  newline: true,
  run: { ...llavaKeys, ...honoured('image_grid_pinpoints') },
});
export const llavaOnevision = llavaLike({
  id: 'llava_onevision',
  title: 'LLaVA-OneVision',
  architectures: /^LlavaOnevisionFor/,
  textType: 'qwen2',
  // One layer less than the published tower: the last is not read.
  tower: { type: 'siglip_vision_model', whole: { ...siglipSo400m, num_hidden_layers: 26, vision_use_head: false } },
  newline: true,
});

export const paligemma = compositeFamily({
  id: 'paligemma',
  title: 'PaliGemma',
  architectures: /^PaliGemmaFor/,
  tied: true,
  text: {
    at: textConfig,
    type: 'gemma',
    names: 'language_model.',
    // Where the file has no text_config, the class makes a Gemma 2B with the words of the whole.
    whole: (reader) => ({
      hidden_size: 2048,
      intermediate_size: 16384,
      num_hidden_layers: 18,
      num_attention_heads: 8,
      num_key_value_heads: 1,
      vocab_size: reader.integer('vocab_size') ?? 257152,
    }),
  },
  run: { ...wholeKeys, ...honoured('projection_dim') },
  // The prompt is read in both directions, which the class of the whole sets where its file does not say it.
  runText: {
    ...only([true, null], 'use_bidirectional_attention'),
    ...idle('the class of the whole has a head of its own, which caps nothing', 'final_logit_softcapping'),
  },
  towers: [
    {
      at: visionConfig,
      type: 'siglip_vision_model',
      whole: { ...siglipSo400m, image_size: 224, intermediate_size: 4096, vision_use_head: false },
      names: 'vision_tower.',
    },
  ],
  projector: ({ text, towers: [tower] }, reader) => ({
    kind: 'one linear layer',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: reader.integer('projection_dim') ?? text.hiddenSize,
  }),
  tensors: (writer, _parts, { projector }) => {
    if (projector === undefined) return;
    const { inputSize, outputSize } = projector;
    writer.linear('projector', 'multi_modal_projector.linear', inputSize, outputSize, true);
  },
});

export const gemma3Multimodal = compositeFamily({
  id: 'gemma3_multimodal',
  title: 'Gemma 3',
  textAlone: true,
  types: ['gemma3'],
  architectures: /^Gemma3ForConditional/,
  tied: true,
  text: { at: textConfig, type: 'gemma3_text', names: 'language_model.' },
  towers: [
    {
      at: visionConfig,
      type: 'siglip_vision_model',
      names: 'vision_tower.',
      outputTokens: (_tower, reader) => reader.integer('mm_tokens_per_image', 1),
    },
  ],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'average pooling, a norm and one linear layer',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, _parts, { projector }) => {
    if (projector === undefined) return;
    const { inputSize, outputSize } = projector;
    const own = writer.under('multi_modal_projector.');
    own.add('projector', 'mm_input_projection_weight', [inputSize, outputSize]);
    own.norm('mm_soft_emb_norm', inputSize, false);
  },
});

/** The patches that the tower gives, `side` by `side` of them joined to one position. */
export const joined =
  (key: string, absent: number): NonNullable<PartRow['outputTokens']> =>
  ({ image }, reader) => {
    const side = reader.integer(key, 1) ?? absent;
    return image?.outputTokens === undefined ? undefined : Math.floor(image.outputTokens / side ** 2);
  };

const idefics3Like = (row: Pick<CompositeRow, 'id' | 'title' | 'architectures'>) =>
  compositeFamily({
    ...row,
    run: { ...wholeKeys, ...honoured('scale_factor') },
    text: {
      at: textConfig,
      type: 'llama',
      names: (name) => name.replace(/^model\./, 'model.text_model.'),
      whole: { rms_norm_eps: 1e-5 },
    },
    towers: [
      {
        at: visionConfig,
        type: row.id === 'smolvlm' ? 'smolvlm_vision' : 'idefics3_vision',
        names: 'model.',
        outputTokens: joined('scale_factor', 2),
      },
    ],
    projector: ({ text, towers: [tower] }, reader) => ({
      kind: 'pixel shuffle and one linear layer',
      inputSize: (tower?.hiddenSize ?? 0) * (reader.integer('scale_factor', 1) ?? 2) ** 2,
      outputSize: text.hiddenSize,
    }),
    tensors: (writer, _parts, { projector }) => {
      if (projector === undefined) return;
      const { inputSize, outputSize } = projector;
      writer.linear('projector', 'model.connector.modality_projection.proj', inputSize, outputSize, false);
    },
  });

export const idefics3 = idefics3Like({
  id: 'idefics3',
  title: 'Idefics3',
  architectures: /^Idefics3For/,
});
export const smolvlm = idefics3Like({
  id: 'smolvlm',
  title: 'SmolVLM',
  architectures: /^SmolVLMFor/,
});

/** Three layers of learned queries read the patches, which a gated network brought to the width of the text. */
export const idefics2 = compositeFamily({
  id: 'idefics2',
  title: 'Idefics2',
  textAlone: true,
  architectures: /^Idefics2For/,
  text: {
    at: textConfig,
    type: 'mistral',
    names: (name) => name.replace(/^model\./, 'model.text_model.'),
    whole: { max_position_embeddings: 32768, rms_norm_eps: 1e-5 },
  },
  towers: [
    {
      at: visionConfig,
      type: 'idefics3_vision',
      named: ['idefics2_vision'],
      values: { hidden_size: 768, num_attention_heads: 12 },
      names: 'model.',
      outputTokens: (_tower, reader) => perceiverOf(reader, 'resampler_n_latents', 64),
    },
  ],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'a gated network and learned queries',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  // The queries' sizes stand in an object of their own, which the published files give as the class has it.
  known: (_parts, reader) =>
    perceiverOf(reader, 'resampler_n_latents', 64) === 64 && perceiverOf(reader, 'resampler_depth', 3) === 3,
  tensors: (writer, { text }, { projector }) => {
    const { inputSize = 0, outputSize = 0 } = projector ?? {};
    const [latents, depth, queries, keys] = [64, 3, 16 * 96, 4 * 96];
    const own = writer.under('model.connector.');
    writeGated(own.under('modality_projection.'), [inputSize, text.intermediateSize ?? 0, outputSize]);
    const reader = own.under('perceiver_resampler.');
    reader.add('projector', 'latents', [latents, outputSize]);
    for (let index = 0; index < depth; index++) {
      const layer = reader.under(`layers.${index}.`);
      for (const name of ['input_latents_norm', 'input_context_norm', 'post_attention_layernorm'])
        layer.norm(name, outputSize, false);
      layer.linear('projector', 'self_attn.q_proj', outputSize, queries, false);
      for (const name of ['k_proj', 'v_proj']) layer.linear('projector', `self_attn.${name}`, outputSize, keys, false);
      layer.linear('projector', 'self_attn.o_proj', queries, outputSize, false);
      writeGated(layer.under('mlp.'), [outputSize, 4 * outputSize, outputSize]);
    }
    reader.norm('norm', outputSize, false);
  },
});

const perceiverOf = (reader: ConfigReader, key: string, absent: number): number =>
  reader.child('perceiver_config')?.integer(key, 1) ?? absent;

function writeGated(writer: TensorWriter, [input, inner, output]: readonly [number, number, number]): void {
  for (const name of ['gate_proj', 'up_proj']) writer.linear('projector', name, input, inner, false);
  writer.linear('projector', 'down_proj', inner, output, false);
}
