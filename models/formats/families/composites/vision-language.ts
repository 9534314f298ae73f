/** Vision-language models of transformers whose tower is their own. */
import type { CompositeRow } from './composite';
import { compositeFamily } from './composite';
import { amount, flag } from '../shared/family';
import { joined, writeTwoLayers } from './multimodal';
import { patchMerger } from './qwen-vl';
import { mergedPatches } from '../towers/moon-vit';

const textConfig = [['text_config']];
const visionConfig = [['vision_config']];
const modelNames = (name: string): string => name.replace(/^model\./, 'model.language_model.');

/** Neighbours are joined to one position by a layer, then come the two of LLaVA. */
export const mistral3 = compositeFamily({
  id: 'mistral3',
  title: 'Mistral 3',
  textAlone: true,
  architectures: /^Mistral3For/,
  text: {
    at: textConfig,
    type: 'mistral',
    names: 'language_model.',
    // Mistral3Config's own choice where the file has no text_config.
    whole: {
      vocab_size: 131072,
      hidden_size: 5120,
      intermediate_size: 32768,
      num_hidden_layers: 40,
      head_dim: 128,
      rms_norm_eps: 1e-5,
      rope_theta: 1e9,
      sliding_window: null,
    },
  },
  towers: [
    {
      at: visionConfig,
      type: 'pixtral',
      names: 'vision_tower.',
      whole: { image_size: 1540, patch_size: 14, hidden_act: 'gelu' },
      outputTokens: joined('spatial_merge_size', 2),
    },
  ],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'a norm, a patch merger and two linear layers',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, _parts, model) => {
    const { inputSize = 0 } = model.projector ?? {};
    const own = writer.under('multi_modal_projector.');
    const merge = amount(model, 'spatial_merge_size') ?? 2;
    own.norm('norm', inputSize, false);
    own.linear('projector', 'patch_merger.merging_layer', inputSize * merge ** 2, inputSize, false);
    writeTwoLayers(writer, model.projector, flag(model, 'multimodal_projector_bias'));
  },
});

export const llama4Multimodal = compositeFamily({
  id: 'llama4_multimodal',
  title: 'Llama 4',
  textAlone: true,
  types: ['llama4'],
  architectures: /^Llama4ForConditional/,
  text: { at: textConfig, type: 'llama4_text', names: 'language_model.' },
  // Files that were cut down to the text model lack the tower; the class would make a small one of its own.
  towers: [{ at: visionConfig, type: 'llama4_vision_model', names: 'vision_model.', optional: true }],
  known: ({ towers: [tower] }) => tower !== undefined,
  projector: ({ text, towers: [tower] }) =>
    tower === undefined
      ? undefined
      : {
          kind: 'one linear layer',
          inputSize: amount(tower, 'vision_output_dim') ?? 0,
          outputSize: text.hiddenSize,
        },
  tensors: (writer, _parts, { projector }) => {
    if (projector !== undefined)
      writer.linear('projector', 'multi_modal_projector.linear_1', projector.inputSize, projector.outputSize, false);
  },
});

/** Positions of GLM-4V go through the tower's own merger to the width of the text. */
export const glm4v = compositeFamily({
  id: 'glm4v',
  title: 'GLM-4V',
  textAlone: true,
  architectures: /^Glm4vForConditional/,
  // Published files keep the fields of the text model flat, beside vision_config.
  text: { at: [['text_config'], []], type: 'glm4v_text', names: modelNames },
  towers: [{ at: visionConfig, type: 'glm4v_vision', names: 'model.visual.' }],
  projector: patchMerger,
  tensors: () => undefined,
});

/** A norm and two layers with an activation between them, under InternVL's numbers. */
export const writeNormedLayers: NonNullable<CompositeRow['tensors']> = (writer, _parts, { projector }) => {
  if (projector === undefined) return;
  const { inputSize, outputSize } = projector;
  writer.norm('mlp1.0', inputSize, true);
  writer.linear('projector', 'mlp1.1', inputSize, outputSize, true);
  writer.linear('projector', 'mlp1.3', outputSize, outputSize, true);
};

/** InternVL's own code: a quarter of the positions, four times as wide, through a norm and two layers. */
export const internVlChat = compositeFamily({
  id: 'internvl_chat',
  title: 'InternVL',
  textAlone: true,
  architectures: /^InternVLChatModel/,
  record: ['force_image_size'],
  text: { at: [['llm_config']], type: 'internlm2', names: 'language_model.' },
  towers: [
    {
      at: visionConfig,
      type: 'intern_vit_6b',
      names: 'vision_model.',
      outputTokens: ({ image }, reader) =>
        image?.outputTokens === undefined
          ? undefined
          : Math.floor(image.outputTokens * (reader.number('downsample_ratio') ?? 0.5) ** 2),
    },
  ],
  projector: ({ text, towers: [tower] }, reader) => ({
    kind: 'pixel shuffle, a norm and two linear layers',
    inputSize: Math.floor((tower?.hiddenSize ?? 0) / (reader.number('downsample_ratio') ?? 0.5) ** 2),
    outputSize: text.hiddenSize,
  }),
  tensors: writeNormedLayers,
});

export const internVl = compositeFamily({
  id: 'internvl',
  title: 'InternVL',
  textAlone: true,
  architectures: /^InternVLForConditional/,
  text: { at: textConfig, type: 'qwen2', names: 'language_model.' },
  towers: [
    {
      at: visionConfig,
      type: 'internvl_vision',
      names: 'vision_tower.',
      outputTokens: (_tower, reader) => reader.integer('image_seq_length', 1),
    },
  ],
  projector: ({ text, towers: [tower] }, reader) => ({
    kind: 'pixel shuffle, a norm and two linear layers',
    inputSize: Math.floor((tower?.hiddenSize ?? 0) / (reader.number('downsample_ratio') ?? 0.5) ** 2),
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, _parts, { projector }) => {
    if (projector === undefined) return;
    writer.norm('multi_modal_projector.layer_norm', projector.inputSize, true);
    writeTwoLayers(writer, projector, true);
  },
});

export const lfm2Vl = compositeFamily({
  id: 'lfm2_vl',
  title: 'LFM2-VL',
  textAlone: true,
  architectures: /^Lfm2VlFor/,
  tied: true,
  text: { at: textConfig, type: 'lfm2', names: modelNames },
  towers: [
    {
      at: visionConfig,
      type: 'siglip2_vision_model',
      names: 'model.vision_tower.',
      outputTokens: joined('downsample_factor', 2),
    },
  ],
  projector: ({ text, towers: [tower] }, reader) => ({
    kind: 'pixel unshuffle and two linear layers',
    inputSize: (tower?.hiddenSize ?? 0) * (reader.integer('downsample_factor', 1) ?? 2) ** 2,
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, _parts, model) => {
    const { inputSize = 0, outputSize = 0 } = model.projector ?? {};
    const inner = amount(model, 'projector_hidden_size') ?? 0;
    const bias = flag(model, 'projector_bias', true);
    const own = writer.under('model.multi_modal_projector.');
    if (flag(model, 'projector_use_layernorm', true)) own.norm('layer_norm', inputSize, true);
    own.linear('projector', 'linear_1', inputSize, inner, bias);
    own.linear('projector', 'linear_2', inner, outputSize, bias);
  },
});

/** A norm over the patches that are joined, then two layers; the first as wide as its input. */
const mergedKernel: NonNullable<CompositeRow['projector']> = ({ text, towers: [tower] }) =>
  tower === undefined
    ? undefined
    : {
        kind: 'a norm, joined patches and two linear layers',
        inputSize: tower.hiddenSize * mergedPatches(tower),
        outputSize: text.hiddenSize,
      };
/** Its tensors were not compared with a published index: the layout counts as unknown. */
export const kimiVl = compositeFamily({
  id: 'kimi_vl',
  title: 'Kimi-VL',
  textAlone: true,
  architectures: /^KimiVLFor/,
  text: { at: textConfig, type: 'deepseek_v3' },
  towers: [{ at: visionConfig, type: 'moonvit' }],
  projector: mergedKernel,
});

/** Kimi K2.5 and K2.6: the same tower over single frames and over frames together. */
export const kimiK25 = compositeFamily({
  id: 'kimi_k25',
  title: 'Kimi K2.5',
  textAlone: true,
  architectures: /^KimiK25For/,
  text: { at: textConfig, type: 'kimi_k2', names: 'language_model.' },
  towers: [{ at: visionConfig, type: 'kimi_k25_vision', names: 'vision_tower.' }],
  projector: mergedKernel,
  tensors: (writer, { towers: [tower] }, { projector }) => {
    const { inputSize = 0, outputSize = 0 } = projector ?? {};
    const own = writer.under('mm_projector.');
    own.norm('pre_norm', tower?.hiddenSize ?? 0, true);
    own.linear('projector', 'proj.0', inputSize, inputSize, true);
    own.linear('projector', 'proj.2', inputSize, outputSize, true);
  },
});

/** Pictures through a convolutional tower of timm and sound through a conformer, neither of which is described. */
export const gemma3nMultimodal = compositeFamily({
  id: 'gemma3n_multimodal',
  title: 'Gemma 3n',
  textAlone: { reads: 'both' },
  types: ['gemma3n'],
  architectures: /^Gemma3nForConditional/,
  tied: true,
  text: { at: textConfig, type: 'gemma3n_text', names: modelNames },
  towers: [],
});

/** Pictures, and in the smaller models sound, each through one layer to the width of the text. */
export const gemma4Multimodal = compositeFamily({
  id: 'gemma4_multimodal',
  title: 'Gemma 4',
  textAlone: true,
  types: ['gemma4'],
  architectures: /^Gemma4ForConditional/,
  tied: true,
  record: ['vision_soft_tokens_per_image'],
  text: { at: textConfig, type: 'gemma4_text', names: modelNames },
  towers: [
    {
      at: visionConfig,
      type: 'gemma4_vision',
      names: 'model.vision_tower.',
      optional: true,
      outputTokens: (_tower, reader) => reader.integer('vision_soft_tokens_per_image', 1),
    },
    { at: [['audio_config']], type: 'gemma4_audio', names: 'model.audio_tower.', optional: true },
  ],
  projector: ({ text, towers: [tower] }) =>
    tower === undefined
      ? undefined
      : {
          kind: 'average pooling, a norm and one linear layer',
          inputSize: tower.hiddenSize,
          outputSize: text.hiddenSize,
        },
  tensors: (writer, { text, towers: [sight, hearing] }) => {
    const width = (part: typeof sight): number =>
      part === undefined ? 0 : (amount(part, 'output_proj_dims') ?? part.hiddenSize);
    if (sight !== undefined)
      writer.linear('projector', 'model.embed_vision.embedding_projection', width(sight), text.hiddenSize, false);
    if (hearing !== undefined)
      writer.linear('projector', 'model.embed_audio.embedding_projection', width(hearing), text.hiddenSize, false);
  },
});

/** Patches go through one layer straight into the text model: there is no tower. */
export const fuyu = compositeFamily({
  id: 'fuyu',
  title: 'Fuyu',
  textAlone: true,
  architectures: /^FuyuFor/,
  // text_config repeats the fields at the top, or names the type alone.
  text: { at: [[]], type: 'persimmon', names: 'language_model.' },
  towers: [],
  projector: ({ text }, reader) => ({
    kind: 'one linear layer from the pixels of a patch',
    inputSize: (reader.integer('patch_size', 1) ?? 30) ** 2 * (reader.integer('num_channels', 1) ?? 3),
    outputSize: text.hiddenSize,
  }),
  tensors: (writer, _parts, { projector }) => {
    if (projector !== undefined)
      writer.linear('projector', 'vision_embed_tokens', projector.inputSize, projector.outputSize, true);
  },
});
