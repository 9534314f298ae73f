import type { ConfigReader, JsonObject } from '../config/config-reader';
import type { ModelDescription, ModelPart } from '../model-description';
import type { TensorTable } from '../tensors/tensor-table';
import { transformers } from './decoder-family';
import type { CompositeFamily, CompositeReading } from './family';
import { flag } from './family';
import { stackFamily, readStack } from './stacks';

/** Tensors of one nested part in the names of the checkpoint that holds it. */
export function writePart(
  model: ModelDescription,
  table: TensorTable,
  part: ModelPart | undefined,
  rename: (name: string) => string,
): void {
  if (part === undefined) return;
  const family = part.modelType === undefined ? undefined : stackFamily(part.modelType);
  const task =
    part.role === 'decoder' ? { kind: 'causal-lm' as const, labels: 2 } : { kind: 'base' as const, labels: 2 };
  family?.tensors?.(part, table.writer(part, rename), { task, tied: model.tiedEmbeddings.value });
}

export const textOf = (model: ModelDescription): ModelPart | undefined =>
  model.parts.find(({ role }) => role === 'decoder');
export const visionOf = (model: ModelDescription): ModelPart | undefined =>
  model.parts.find(({ role }) => role === 'vision');

const clipLarge: JsonObject = {
  model_type: 'clip_vision_model',
  hidden_size: 1024,
  intermediate_size: 4096,
  patch_size: 14,
  image_size: 336,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  vocab_size: 32000,
  projection_dim: 768,
};
const siglipSo400m: JsonObject = {
  model_type: 'siglip_vision_model',
  hidden_size: 1152,
  intermediate_size: 4304,
  patch_size: 14,
  image_size: 384,
  num_hidden_layers: 26,
  num_attention_heads: 14,
  vision_use_head: false,
};

/** The tower; when the file has no such object, the class makes one of its own. */
function readVision(reader: ConfigReader, type: string, whole: JsonObject, from: string) {
  const child = reader.child('vision_config');
  if (child !== undefined) return readStack(child, type);
  const family = stackFamily(type);
  const empty = reader.childOrEmpty('vision_config');
  const part = family?.read(empty.withDefaults({ from, values: whole })) ?? readStack(empty, type).part;
  return { part: { ...part, modelType: type }, ...(family === undefined ? {} : { family }) };
}

interface LlavaRow {
  readonly id: string;
  readonly title: string;
  readonly className: string;
  readonly architectures: RegExp;
  readonly textType: string;
  readonly visionType: string;
  readonly vision: JsonObject;
  readonly newline: boolean;
  readonly values: JsonObject;
}

function llavaLike(row: LlavaRow): CompositeFamily {
  const from = `${transformers} ${row.className}`;
  return {
    kind: 'composite',
    id: row.id,
    title: row.title,
    modelTypes: [row.id],
    architectures: row.architectures,
    tied: false,
    task: 'causal-lm',
    defaults: () => ({ from, values: row.values }),
    read: (reader): CompositeReading => {
      for (const key of Object.keys(row.values)) reader.raw(key);
      const text = readStack(reader.childOrEmpty('text_config'), row.textType);
      const vision = readVision(reader, row.visionType, row.vision, from);
      const layers = Array.isArray(reader.raw('vision_feature_layer'))
        ? (reader.numbers('vision_feature_layer')?.length ?? 1)
        : 1;
      return {
        parts: [text.part, vision.part],
        projector: {
          kind: 'two linear layers',
          inputSize: vision.part.hiddenSize * layers,
          outputSize: text.part.hiddenSize,
        },
        exact: text.family?.tensors !== undefined && vision.family?.tensors !== undefined,
      };
    },
    tensors: (model, table) => {
      const text = textOf(model);
      writePart(model, table, text, (name) => `language_model.${name}`);
      writePart(model, table, visionOf(model), (name) => `vision_tower.${name}`);
      if (text === undefined || model.projector === undefined) return;
      const writer = table.writer(text);
      const bias = flag(model, 'multimodal_projector_bias', true);
      const { inputSize, outputSize } = model.projector;
      writer.linear('projector', 'multi_modal_projector.linear_1', inputSize, outputSize, bias);
      writer.linear('projector', 'multi_modal_projector.linear_2', outputSize, outputSize, bias);
      if (row.newline) writer.add('projector', 'image_newline', [outputSize]);
    },
  };
}

const llavaValues: JsonObject = {
  image_token_index: 32000,
  projector_hidden_act: 'gelu',
  vision_feature_select_strategy: 'default',
  vision_feature_layer: -2,
  multimodal_projector_bias: true,
};

export const llava = llavaLike({
  id: 'llava',
  title: 'LLaVA',
  className: 'LlavaConfig',
  architectures: /^LlavaFor/,
  textType: 'llama',
  visionType: 'clip_vision_model',
  vision: clipLarge,
  newline: false,
  values: { ...llavaValues, image_seq_length: 576 },
});
export const llavaNext = llavaLike({
  id: 'llava_next',
  title: 'LLaVA-NeXT',
  className: 'LlavaNextConfig',
  architectures: /^LlavaNextFor/,
  textType: 'llama',
  visionType: 'clip_vision_model',
  vision: clipLarge,
  newline: true,
  values: {
    ...llavaValues,
    image_seq_length: 576,
    image_grid_pinpoints: [
      [336, 672],
      [672, 336],
      [672, 672],
      [1008, 336],
      [336, 1008],
    ],
  },
});
export const llavaOnevision = llavaLike({
  id: 'llava_onevision',
  title: 'LLaVA-OneVision',
  className: 'LlavaOnevisionConfig',
  architectures: /^LlavaOnevisionFor/,
  textType: 'qwen2',
  visionType: 'siglip_vision_model',
  vision: siglipSo400m,
  newline: true,
  values: {
    ...llavaValues,
    image_token_index: 151646,
    video_token_index: 151647,
    vision_feature_select_strategy: 'full',
    vision_feature_layer: -1,
  },
});

export const paligemma: CompositeFamily = {
  kind: 'composite',
  id: 'paligemma',
  title: 'PaliGemma',
  modelTypes: ['paligemma'],
  architectures: /^PaliGemmaFor/,
  tied: true,
  task: 'causal-lm',
  defaults: () => ({
    from: `${transformers} PaliGemmaConfig`,
    values: { image_token_index: 256000, vocab_size: 257152, projection_dim: 2048, hidden_size: 2048 },
  }),
  read: (reader): CompositeReading => {
    const text = readStack(reader.childOrEmpty('text_config'), 'gemma');
    const vision = readVision(
      reader,
      'siglip_vision_model',
      { ...siglipSo400m, image_size: 224, num_hidden_layers: 27, num_attention_heads: 16, vision_use_head: false },
      `${transformers} PaliGemmaConfig`,
    );
    const width = reader.integer('projection_dim') ?? text.part.hiddenSize;
    return {
      parts: [text.part, vision.part],
      projector: { kind: 'one linear layer', inputSize: vision.part.hiddenSize, outputSize: width },
      exact: text.family?.tensors !== undefined && vision.family?.tensors !== undefined,
    };
  },
  tensors: (model, table) => {
    const text = textOf(model);
    writePart(model, table, text, (name) => `language_model.${name}`);
    writePart(model, table, visionOf(model), (name) => `vision_tower.${name}`);
    if (text === undefined || model.projector === undefined) return;
    const { inputSize, outputSize } = model.projector;
    table.writer(text).linear('projector', 'multi_modal_projector.linear', inputSize, outputSize, true);
  },
};

export const gemma3Multimodal: CompositeFamily = {
  kind: 'composite',
  id: 'gemma3_multimodal',
  title: 'Gemma 3',
  modelTypes: ['gemma3'],
  architectures: /^Gemma3ForConditional/,
  tied: true,
  task: 'causal-lm',
  defaults: () => ({
    from: `${transformers} Gemma3Config`,
    values: { mm_tokens_per_image: 256, boi_token_index: 255999, eoi_token_index: 256000, image_token_index: 262144 },
  }),
  read: (reader): CompositeReading => {
    const text = readStack(reader.childOrEmpty('text_config'), 'gemma3_text');
    const vision = readStack(reader.childOrEmpty('vision_config'), 'siglip_vision_model');
    const outputTokens = reader.integer('mm_tokens_per_image', 1);
    const image = vision.part.image;
    return {
      parts: [
        text.part,
        image === undefined || outputTokens === undefined
          ? vision.part
          : { ...vision.part, image: { ...image, outputTokens } },
      ],
      projector: {
        kind: 'average pooling, a norm and one linear layer',
        inputSize: vision.part.hiddenSize,
        outputSize: text.part.hiddenSize,
      },
      exact: text.family?.tensors !== undefined && vision.family?.tensors !== undefined,
    };
  },
  tensors: (model, table) => {
    const text = textOf(model);
    writePart(model, table, text, (name) => `language_model.${name}`);
    writePart(model, table, visionOf(model), (name) => `vision_tower.${name}`);
    if (text === undefined || model.projector === undefined) return;
    const { inputSize, outputSize } = model.projector;
    const own = table.writer(text).under('multi_modal_projector.');
    own.add('projector', 'mm_input_projection_weight', [inputSize, outputSize]);
    own.as('projector').norm('mm_soft_emb_norm', inputSize, false);
  },
};

function idefics3Like(id: string, title: string, className: string, architectures: RegExp): CompositeFamily {
  const visionType = id === 'smolvlm' ? 'smolvlm_vision' : 'idefics3_vision';
  return {
    kind: 'composite',
    id,
    title,
    modelTypes: [id],
    architectures,
    tied: false,
    task: 'causal-lm',
    defaults: () => ({
      from: `${transformers} ${className}`,
      values: { scale_factor: 2, image_token_id: 128257, tie_word_embeddings: false },
    }),
    read: (reader): CompositeReading => {
      const text = readStack(reader.childOrEmpty('text_config'), 'llama');
      const child = reader.childOrEmpty('vision_config');
      const type = child.object['model_type'];
      // Files name the vision part after the whole model, or not at all.
      const known = typeof type === 'string' && stackFamily(type) !== undefined;
      const family = stackFamily(visionType);
      const part =
        known || family === undefined
          ? readStack(child, visionType).part
          : { ...family.read(child.withDefaults(family.defaults(visionType))), modelType: visionType };
      const scale = reader.integer('scale_factor', 1) ?? 2;
      const image = part.image;
      const patches = image?.outputTokens;
      return {
        parts: [
          text.part,
          image === undefined || patches === undefined
            ? part
            : { ...part, image: { ...image, outputTokens: Math.floor(patches / scale ** 2) } },
        ],
        projector: {
          kind: 'pixel shuffle and one linear layer',
          inputSize: part.hiddenSize * scale ** 2,
          outputSize: text.part.hiddenSize,
        },
        exact: text.family?.tensors !== undefined,
      };
    },
    tensors: (model, table) => {
      const text = textOf(model);
      writePart(model, table, text, (name) => name.replace(/^model\./, 'model.text_model.'));
      writePart(model, table, visionOf(model), (name) => `model.${name}`);
      if (text === undefined || model.projector === undefined) return;
      const { inputSize, outputSize } = model.projector;
      const name = 'model.connector.modality_projection.proj';
      table.writer(text).linear('projector', name, inputSize, outputSize, false);
    },
  };
}

export const idefics3 = idefics3Like('idefics3', 'Idefics3', 'Idefics3Config', /^Idefics3For/);
export const smolvlm = idefics3Like('smolvlm', 'SmolVLM', 'SmolVLMConfig', /^SmolVLMFor/);
