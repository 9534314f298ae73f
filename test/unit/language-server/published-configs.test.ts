import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonValue } from '../../../models/formats/model-description';
import type { Surroundings } from './caret';
import { findingsOf, folder, modelFile, shard } from './caret';

/** Sizes and odd fields of published models, cut down to what a checker looks at; none is a fault. */
const configsIn = (name: string): Readonly<Record<string, JsonValue>> =>
  JSON.parse(readFileSync(join('test', 'fixtures', 'configs', `${name}.json`), 'utf8')) as Record<string, JsonValue>;
const published = { ...configsIn('published-decoders'), ...configsIn('published-encoders-and-media') };

const disputable = (text: string, surroundings?: Surroundings): readonly string[] =>
  findingsOf(text, surroundings)
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ code, message }) => `${code}: ${message}`);

const besideConfig = (name: string, model: string): Surroundings => ({
  name,
  ...folder([name, 'config.json'], { 'config.json': published[model] ?? null }),
});

/** Companions as they were published beside these configs, cut down likewise. */
const companions: readonly (readonly [model: string, name: string, value: object])[] = [
  [
    'llama-3-8b-instruct',
    'generation_config.json',
    {
      bos_token_id: 128000,
      do_sample: true,
      eos_token_id: [128001, 128009],
      max_length: 4096,
      temperature: 0.6,
      top_p: 0.9,
      transformers_version: '4.40.0.dev0',
    },
  ],
  [
    'qwen2.5-72b-instruct-awq',
    'generation_config.json',
    {
      bos_token_id: 151643,
      do_sample: true,
      eos_token_id: [151645, 151643],
      pad_token_id: 151643,
      repetition_penalty: 1.05,
      top_k: 20,
    },
  ],
  [
    'whisper-tiny.en',
    'generation_config.json',
    {
      alignment_heads: [
        [1, 0],
        [2, 0],
      ],
      begin_suppress_tokens: [220, 50256],
      bos_token_id: 50257,
      decoder_start_token_id: 50257,
      eos_token_id: 50256,
      forced_decoder_ids: [[1, 50362]],
      max_length: 448,
      no_timestamps_token_id: 50362,
      pad_token_id: 50256,
    },
  ],
  [
    'opus-mt-en-de',
    'generation_config.json',
    {
      bad_words_ids: [[58100]],
      bos_token_id: 0,
      decoder_start_token_id: 58100,
      eos_token_id: 0,
      forced_eos_token_id: 0,
      max_length: 512,
      num_beams: 6,
      pad_token_id: 58100,
    },
  ],
  [
    'gemma-2-27b-it',
    'generation_config.json',
    {
      _from_model_config: true,
      bos_token_id: 2,
      cache_implementation: 'hybrid',
      eos_token_id: [1, 107],
      pad_token_id: 0,
    },
  ],
  [
    'bart-large-cnn',
    'generation_config.json',
    {
      _from_model_config: true,
      bos_token_id: 0,
      decoder_start_token_id: 2,
      early_stopping: true,
      eos_token_id: 2,
      forced_bos_token_id: 0,
      forced_eos_token_id: 2,
      max_length: 142,
      min_length: 56,
      pad_token_id: 1,
    },
  ],
  [
    'phi-3-medium-4k',
    'tokenizer_config.json',
    {
      added_tokens_decoder: { 32000: { content: '<|endoftext|>' }, 32010: { content: '<|user|>' } },
      model_max_length: 4096,
      tokenizer_class: 'LlamaTokenizer',
    },
  ],
  [
    'llama-2-70b',
    'tokenizer_config.json',
    {
      added_tokens_decoder: { 0: {}, 1: {}, 2: {} },
      legacy: false,
      model_max_length: 1000000000000000019884624838656,
      tokenizer_class: 'LlamaTokenizer',
    },
  ],
  [
    'clip-vit-base-patch32',
    'preprocessor_config.json',
    {
      crop_size: 224,
      do_center_crop: true,
      do_resize: true,
      feature_extractor_type: 'CLIPFeatureExtractor',
      image_mean: [0.48],
      image_std: [0.26],
      size: 224,
    },
  ],
  [
    'vit-base-patch32-384',
    'preprocessor_config.json',
    { do_normalize: true, do_resize: true, image_mean: [0.5], image_std: [0.5], size: 384 },
  ],
  [
    'dinov2-giant',
    'preprocessor_config.json',
    {
      crop_size: { height: 224, width: 224 },
      do_center_crop: true,
      image_mean: [0.485],
      image_std: [0.229],
      image_processor_type: 'BitImageProcessor',
      size: { shortest_edge: 256 },
    },
  ],
  [
    'llava-v1.6-mistral-7b-hf',
    'preprocessor_config.json',
    {
      aspect_ratio_setting: 'anyres',
      crop_size: { height: 336, width: 336 },
      do_center_crop: true,
      image_grid_pinpoints: [[336, 672]],
      image_mean: [0.48],
      image_std: [0.26],
      image_processor_type: 'LlavaNextImageProcessor',
      size: { shortest_edge: 336 },
    },
  ],
  [
    'llava-v1.6-mistral-7b-hf',
    'processor_config.json',
    {
      image_token: '<image>',
      num_additional_image_tokens: 1,
      patch_size: 14,
      processor_class: 'LlavaNextProcessor',
      vision_feature_select_strategy: 'default',
    },
  ],
  [
    'paligemma2-10b-pt-448',
    'preprocessor_config.json',
    {
      do_convert_rgb: null,
      image_mean: [0.5],
      image_processor_type: 'SiglipImageProcessor',
      image_seq_length: 1024,
      image_std: [0.5],
      processor_class: 'PaliGemmaProcessor',
      size: { height: 448, width: 448 },
    },
  ],
  [
    'gemma-3-4b-it',
    'preprocessor_config.json',
    {
      do_pan_and_scan: null,
      image_mean: [0.5],
      image_processor_type: 'Gemma3ImageProcessor',
      image_seq_length: 256,
      image_std: [0.5],
      size: { height: 896, width: 896 },
    },
  ],
  ['gemma-3-4b-it', 'processor_config.json', { image_seq_length: 256, processor_class: 'Gemma3Processor' }],
  [
    'qwen2.5-vl-7b',
    'preprocessor_config.json',
    {
      image_mean: [0.48],
      image_processor_type: 'Qwen2VLImageProcessor',
      image_std: [0.26],
      max_pixels: 12845056,
      merge_size: 2,
      min_pixels: 3136,
      patch_size: 14,
      temporal_patch_size: 2,
    },
  ],
  [
    'smolvlm2-500m',
    'preprocessor_config.json',
    {
      do_image_splitting: true,
      image_mean: [0.5],
      image_processor_type: 'SmolVLMImageProcessor',
      image_std: [0.5],
      max_image_size: { longest_edge: 512 },
      size: { longest_edge: 2048 },
    },
  ],
  [
    'pixtral-12b',
    'preprocessor_config.json',
    {
      image_mean: [0.48],
      image_processor_type: 'PixtralImageProcessor',
      image_std: [0.26],
      patch_size: { height: 16, width: 16 },
      size: { longest_edge: 1024 },
    },
  ],
  ['internvl3-1b-hf', 'processor_config.json', { image_seq_length: 256, processor_class: 'InternVLProcessor' }],
  [
    'trocr-base',
    'preprocessor_config.json',
    { do_resize: true, feature_extractor_type: 'ViTFeatureExtractor', image_mean: [0.5], image_std: [0.5], size: 384 },
  ],
  [
    'mistral-7b-v0.1',
    'adapter_config.json',
    {
      base_model_name_or_path: 'mistralai/Mistral-7B-v0.1',
      bias: 'none',
      fan_in_fan_out: false,
      lora_alpha: 16,
      modules_to_save: null,
      peft_type: 'LORA',
      r: 64,
      target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj', 'lm_head'],
      task_type: 'CAUSAL_LM',
    },
  ],
];

describe('published configs', () => {
  for (const [name, config] of Object.entries(published)) {
    it(`${name} gets no error and no warning`, () => {
      const text = JSON.stringify(config, undefined, 2);
      assert.equal(modelFile(text).kind, 'config');
      assert.deepEqual(disputable(text), []);
    });
  }
  for (const [model, name, value] of companions) {
    it(`the ${name} of ${model} gets no error and no warning`, () => {
      assert.ok(Object.hasOwn(published, model), model);
      assert.deepEqual(disputable(JSON.stringify(value), besideConfig(name, model)), []);
    });
  }

  it('a tokenizer that kept the mask token which the model dropped', () => {
    const text = JSON.stringify(published['bart-large-cnn']);
    assert.deepEqual(disputable(text, { facts: { tokenizer: { bytes: 1, entries: 50265, idCount: 50265 } } }), []);
    assert.equal(disputable(text, { facts: { tokenizer: { bytes: 1, entries: 51000, idCount: 51000 } } }).length, 1);
  });

  it('weights of a class with layers of its own under a known model type', () => {
    const jina = JSON.stringify(published['jina-embeddings-v2']);
    const layer = (index: number): Readonly<Record<string, readonly number[]>> => {
      const at = `encoder.layer.${index}`;
      const square = ['self.query', 'self.key', 'self.value', 'output.dense'].flatMap((module) => [
        [`${at}.attention.${module}.weight`, [768, 768]] as const,
        [`${at}.attention.${module}.bias`, [768]] as const,
      ]);
      return {
        ...Object.fromEntries<readonly number[]>(square),
        [`${at}.attention.output.LayerNorm.weight`]: [768],
        [`${at}.attention.output.LayerNorm.bias`]: [768],
        [`${at}.mlp.gated_layers.weight`]: [6144, 768],
        [`${at}.mlp.wo.weight`]: [768, 3072],
        [`${at}.mlp.wo.bias`]: [768],
      };
    };
    const tensors = Object.assign(
      { 'embeddings.word_embeddings.weight': [30528, 768] },
      ...Array.from({ length: 12 }, (_, index) => layer(index)),
    ) as Readonly<Record<string, readonly number[]>>;
    assert.deepEqual(disputable(jina, folder([], {}, [shard('model.safetensors', tensors)])), []);
    assert.equal(modelFile(jina).description?.exact, false);
    assert.equal(modelFile(JSON.stringify(published['llava-v1.5-7b (original)'])).description?.exact, false);
    for (const model of ['bert-large-uncased', 'umt5-xxl', 'whisper-tiny.en', 'kimi-k2-instruct', 'llama-7b (2023)'])
      assert.equal(modelFile(JSON.stringify(published[model])).description?.exact, true, model);
  });

  it('a state-space model is not said to have wide attention', () => {
    assert.deepEqual(
      findingsOf(JSON.stringify(published['mamba-codestral']))
        .map(({ code }) => code)
        .filter((code) => code === 'projection-width-differs'),
      [],
    );
  });
});
