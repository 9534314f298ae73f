import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeModel } from '../../../../models/formats/describe-model';
import { kvBytesPerToken } from '../../../../models/formats/estimates/kv-cache';
import type { ModelDescription } from '../../../../models/formats/model-description';
import { mainPart } from '../../../../models/formats/model-description';
import { countParameters, expectedTensors, tensorNames } from '../../../../models/formats/expected-tensors';
import { corpus, corpusFolders as published } from '../../../support/corpus';

const read = (folder: string): ModelDescription =>
  describeModel(JSON.parse(readFileSync(join(corpus, folder, 'config.json'), 'utf8')));

type Row = readonly [
  folder: string,
  family: string,
  part: string,
  heads: number,
  keyHeads: number,
  headDim: number,
  layers: number,
  others?: string,
];

/** The part that reads and writes text, by reading each file; then the roles of the other parts. */
const mains: readonly Row[] = [
  ['blip--blip-image-captioning-ft', 'blip', 'text_config', 12, 12, 64, 12, 'vision'],
  ['blip--blip-instance-final_model', 'blip', 'text_config', 12, 12, 64, 12, 'vision'],
  ['blip-2--CloudComputer_Final-blip2', 'blip-2', 'text_config.decoder', 32, 32, 64, 24, 'encoder vision vision'],
  ['cogvlm2--cogvlm2-llama3-caption', 'cogvlm2', '', 32, 8, 128, 32, 'vision'],
  ['dallebart--dalle-mini-bart', 'dallebart', 'decoder', 16, 16, 64, 12, 'encoder'],
  ['deepseek_vl_v2--DeepSeek-OCR-2', 'deepseek_vl_v2', 'language_config', 10, 10, 128, 12, 'vision vision'],
  ['deepseek_vl_v2--deepseek_vl2_tiny', 'deepseek_vl_v2', 'language_config', 10, 10, 128, 12, 'vision'],
  ['exaone4_5--EXAONE-4.5-33B', 'exaone4_5', 'text_config', 40, 8, 128, 64, 'vision'],
  ['flamingo--flamingo-falcon-7B', 'flamingo', 'text_config', 71, 1, 64, 32, 'vision'],
  ['flamingo--flamingo-llama2-chat-13B', 'flamingo', 'text_config', 40, 40, 128, 40, 'vision'],
  ['flamingo--flamingo-llama2-chat-7B', 'flamingo', 'text_config', 32, 32, 128, 32, 'vision'],
  ['flamingo--flamingo-mpt-1B-redpajama', 'flamingo', 'text_config', 16, 16, 128, 24, 'vision'],
  ['florence2--Florence2-Oracle', 'florence2', 'text_config.decoder', 12, 12, 64, 6, 'encoder vision'],
  ['florence2--magiv3', 'florence2', 'text_config.decoder', 16, 16, 64, 12, 'encoder vision'],
  ['fuyu--fuyu-8b', 'fuyu', '', 64, 64, 64, 36, ''],
  ['gemma4--Gemma-4-26B-A4B-NVFP4', 'gemma4_multimodal', 'text_config', 16, 8, 256, 30, 'vision'],
  ['gemma4--gemma-4-26B-A4B', 'gemma4_multimodal', 'text_config', 16, 8, 256, 30, 'vision'],
  ['gemma4--gemma-4-E2B-it', 'gemma4_multimodal', 'text_config', 8, 1, 256, 35, 'vision audio'],
  ['git--git', 'git', '', 12, 12, 64, 6, 'vision'],
  ['glm4v--LLM-TPU-GLM4V', 'glm4v', '', 32, 2, 128, 40, 'vision'],
  ['higgs_audio--higgs-audio-model', 'higgs_audio', 'text_config', 24, 8, 128, 28, ''],
  ['infimm-zephyr--infimm-zephyr', 'infimm-zephyr', 'language', 32, 8, 128, 32, 'vision'],
  ['internvl_chat--InternVL-qeff', 'internvl_chat', 'llm_config', 14, 2, 64, 24, 'vision'],
  ['internvl_chat--InternVL2-2B', 'internvl_chat', 'llm_config', 16, 8, 128, 24, 'vision'],
  ['internvl_chat--InternVL2-2B-uav-ft', 'internvl_chat', 'llm_config', 16, 8, 128, 24, 'vision'],
  ['internvl_chat--InternVL2-4B', 'internvl_chat', 'llm_config', 32, 32, 96, 32, 'vision'],
  ['kimi_k25--Kimi-K2.5', 'kimi_k25', 'text_config', 64, 64, 192, 61, 'vision'],
  ['kimi_k25--Kimi-K2.5-NVFP4', 'kimi_k25', 'text_config', 64, 64, 192, 61, 'vision'],
  ['kimi_k25--Kimi-K2.6-NVFP4', 'kimi_k25', 'text_config', 64, 64, 192, 61, 'vision'],
  ['kimi_k3--Kimi-K3', 'kimi_k3', 'text_config', 96, 96, 192, 93, 'vision'],
  ['lfm2_vl--LFM2.5-VL-1.6B', 'lfm2_vl', 'text_config', 32, 8, 64, 16, 'vision'],
  ['llama4--Llama-4-Maverick-17B-128E-Instruct', 'llama4_multimodal', 'text_config', 40, 8, 128, 48, ''],
  ['llama4--Llama-4-Scout-17B-16E-Instruct', 'llama4_multimodal', 'text_config', 40, 8, 128, 48, ''],
  ['llama4--llama-4-scout-17b-16e-instruct-fp8-dynamic', 'llama4_multimodal', 'text_config', 40, 8, 128, 48, 'vision'],
  ['llava--llava', 'llava_original', '', 16, 16, 256, 1, 'vision'],
  ['llava--llava-1.5-7b-hf', 'llava', 'text_config', 32, 32, 128, 32, 'vision'],
  ['llava_llama--vila1.5-3b', 'llava_llama', 'llm_cfg', 20, 20, 128, 32, 'vision'],
  ['locateanything--LocateAnything', 'locateanything', 'text_config', 16, 2, 128, 36, 'vision'],
  ['maira2--maira2', 'maira2', 'text_config', 32, 32, 96, 1, 'vision'],
  ['minicpmv--LLM-TPU-MiniCPMV4', 'minicpmv', '', 32, 2, 128, 32, 'vision'],
  ['minicpmv--MiniCPM-Llama3-V-2_5', 'minicpmv', '', 32, 8, 128, 32, 'vision'],
  ['minicpmv--MiniCPM-V-Emotio', 'minicpmv', '', 36, 36, 64, 40, 'vision'],
  ['minicpmv4_6--MiniCPM-V-4.6', 'minicpmv4_6', 'text_config', 8, 2, 256, 24, 'vision'],
  ['mistral3--Devstral-Small-2-24B-Instruct', 'mistral3', 'text_config', 32, 8, 128, 40, 'vision'],
  ['mllama--Llama-3.2-11B-Vision', 'mllama', 'text_config', 32, 8, 128, 40, 'vision'],
  ['mllama--llama3_2_90b_vision', 'mllama', 'text_config', 64, 8, 128, 100, 'vision'],
  ['mllama--nxdi-mllama-unit', 'mllama', 'text_config', 32, 8, 128, 32, 'vision'],
  ['molmo--Molmo-7B-D-0924', 'molmo', '', 28, 4, 128, 28, 'vision'],
  ['moss_tts_nano--moss-tts-nano.axera-llm', 'moss_tts_nano', 'gpt2_config', 12, 12, 64, 12, ''],
  ['multi_modality--janus_1.3b', 'multi_modality', 'language_config', 16, 16, 128, 24, 'vision'],
  ['phi3_v--phi3_v', 'phi3_v', '', 32, 32, 96, 32, 'vision'],
  ['phi4mm--phi4', 'phi4mm', '', 24, 8, 128, 1, 'vision audio'],
  ['qwen--Qwen-VL-Chat-Int4', 'qwen_vl', '', 32, 32, 128, 32, 'vision'],
  [
    'qwen2_5_omni--Qwen2.5-Omni',
    'qwen2_5_omni',
    'thinker_config.text_config',
    28,
    4,
    128,
    28,
    'vision audio decoder audio',
  ],
  ['qwen2_audio--Qwen2-Audio-7B', 'qwen2_audio', 'text_config', 32, 32, 128, 32, 'audio'],
  ['qwen3_5_moe--Qwen3.5-35B-A3B', 'qwen3_5_moe_multimodal', 'text_config', 16, 2, 256, 40, 'vision'],
  ['qwen3_5_moe--Qwen3.5-122B-A10B', 'qwen3_5_moe_multimodal', 'text_config', 32, 2, 256, 48, 'vision'],
  ['qwen3_5_moe--Qwen3.5-122B-A10B-NVFP4', 'qwen3_5_moe_multimodal', 'text_config', 32, 2, 256, 48, 'vision'],
  ['qwen3_5_moe--Qwen3.5-397B-A17B', 'qwen3_5_moe_multimodal', 'text_config', 32, 2, 256, 60, 'vision'],
  ['qwen3_asr--LLM-TPU-Qwen3_ASR', 'qwen3_asr', 'thinker_config.text_config', 16, 8, 128, 28, 'audio'],
  ['qwen3_vl_moe--Qwen3-VL-235B-A22B-Instruct', 'qwen3_vl_moe', 'text_config', 64, 4, 128, 94, 'vision'],
  ['qwen3_vl_moe--Qwen3-VL-30B-A3B-Instruct', 'qwen3_vl_moe', 'text_config', 32, 4, 128, 48, 'vision'],
  ['qwen3_vl_moe--VeOmni-qwen3vlmoe_toy', 'qwen3_vl_moe', 'text_config', 32, 4, 128, 2, 'vision'],
  ['qwen3_vl_moe--qwen3_vl_235b', 'qwen3_vl_moe', 'text_config', 64, 4, 128, 94, 'vision'],
  [
    'speech-encoder-decoder--speech-encoder-decoder-wavlm-llama',
    'speech-encoder-decoder',
    'decoder',
    32,
    8,
    64,
    16,
    'audio',
  ],
  ['unlimited-ocr--Unlimited-OCR', 'unlimited-ocr', 'language_config', 10, 10, 128, 12, 'vision vision'],
  ['vibevoice--tt-forge-models-vibevoice-pytorch', 'vibevoice', 'decoder_config', 12, 2, 128, 28, ''],
  ['vision-encoder-decoder--PolyOCR_Project-utils', 'vision-encoder-decoder', 'decoder', 16, 16, 64, 12, 'vision'],
  ['vision-encoder-decoder--donut-receipt-ft', 'vision-encoder-decoder', 'decoder', 16, 16, 64, 4, 'vision'],
  ['vision-encoder-decoder--imageCaptioning-model', 'vision-encoder-decoder', 'decoder', 12, 12, 64, 12, 'vision'],
  ['voxtral--Voxtral-Mini-3B-2507', 'voxtral', 'text_config', 32, 8, 128, 30, 'audio'],
  ['xgenmm--xgen-mm', 'xgenmm', 'text_config', 32, 32, 96, 32, 'vision'],
];

describe('models of several parts', () => {
  it('the first part is the one that reads and writes text', () => {
    for (const [folder, family, name, heads, kvHeads, headDim, layers, others = ''] of mains) {
      if (!published.includes(folder)) continue;
      const model = read(folder);
      const [main, ...beside] = model.parts;
      assert.deepEqual(
        [model.family, main?.name, main?.heads, main?.kvHeads, main?.headDim, main?.layers.length],
        [family, name, heads, kvHeads, headDim, layers],
        folder,
      );
      assert.equal(beside.map(({ role }) => role).join(' '), others, folder);
    }
  });

  it('and every folder of such a type is in the table', () => {
    const folders = mains.map(([folder]) => folder);
    const typeOf = (folder: string): string => folder.slice(0, folder.indexOf('--'));
    // Folders of Qwen without a tower have the same type.
    const types = new Set(folders.map(typeOf).filter((type) => type !== 'qwen'));
    for (const folder of published.filter((name) => types.has(typeOf(name)))) {
      assert.ok(folders.includes(folder), folder);
    }
  });
});

const llama90 = {
  architectures: ['MllamaForConditionalGeneration'],
  model_type: 'mllama',
  torch_dtype: 'bfloat16',
  text_config: {
    model_type: 'mllama_text_model',
    hidden_size: 8192,
    intermediate_size: 28672,
    num_hidden_layers: 100,
    num_attention_heads: 64,
    num_key_value_heads: 8,
    cross_attention_layers: [3, 8, 13, 18, 23, 28, 33, 38, 43, 48, 53, 58, 63, 68, 73, 78, 83, 88, 93, 98],
  },
  vision_config: { model_type: 'mllama_vision_model', image_size: 560 },
};

describe('cross-attention to a picture', () => {
  it('Llama 3.2 Vision 90B: 80 layers of 2 x 8 heads of 128 in bfloat16 add 327,680 bytes a token', () => {
    assert.equal(kvBytesPerToken(describeModel(llama90)), 80 * 2 * 8 * 128 * 2);
  });

  it('its other layers read four tiles of 40 x 40 patches, each with a class token', () => {
    const main = mainPart(describeModel(llama90));
    const crossing = main?.layers.filter(({ crossAttention }) => crossAttention !== undefined) ?? [];
    assert.equal(crossing.length, 20);
    for (const { attention, crossAttention } of crossing) {
      assert.equal(attention.kind, 'none');
      assert.equal(crossAttention?.sourcePositions, 4 * (40 * 40 + 1));
      assert.equal(crossAttention?.kvHeads, 8);
    }
    assert.equal(main?.layers[4]?.crossAttention, undefined);
  });

  it('a layer of cross-attention has none of the tensors of its own attention', () => {
    const names = (expectedTensors(describeModel(llama90)) ?? []).flatMap((tensor) => [...tensorNames(tensor)]);
    assert.ok(names.includes('language_model.model.layers.3.cross_attn.q_norm.weight'));
    assert.ok(!names.some((name) => name.startsWith('language_model.model.layers.3.self_attn.')));
    assert.ok(names.includes('language_model.model.layers.4.self_attn.q_proj.weight'));
  });

  it('layers of Flamingo have both', () => {
    const model = describeModel({
      model_type: 'flamingo',
      cross_attn_every_n_layers: 2,
      text_config: { model_type: 'llama', num_hidden_layers: 4 },
      vision_config: {},
    });
    const layers = mainPart(model)?.layers ?? [];
    assert.deepEqual(
      layers.map(({ attention, crossAttention }) => [attention.kind, crossAttention?.sourcePositions]),
      [
        ['full', undefined],
        ['full', 64],
        ['full', undefined],
        ['full', 64],
      ],
    );
  });
});

it('a model of remote code has its language head where the file names no class', () => {
  const llm = { model_type: 'qwen2', tie_word_embeddings: false };
  const heads = (more: object): readonly string[] =>
    (expectedTensors(describeModel({ model_type: 'internvl_chat', llm_config: llm, vision_config: {}, ...more })) ?? [])
      .filter(({ group }) => group === 'head')
      .map(({ pattern }) => pattern);
  assert.deepEqual(heads({}), ['language_model.lm_head.weight']);
  assert.deepEqual(heads({ architectures: ['InternVLChatModel'] }), ['language_model.lm_head.weight']);
});

describe('towers', () => {
  const tokens = (config: unknown): readonly (number | undefined)[] =>
    describeModel(config).parts.map(({ image }) => image?.outputTokens);

  it('positions that the text model sees', () => {
    // 1,540 / 14 = 110 patches a side, two by two of them joined.
    assert.deepEqual(
      tokens({
        model_type: 'mistral3',
        spatial_merge_size: 2,
        text_config: {},
        vision_config: { image_size: 1540, patch_size: 14 },
      }),
      [undefined, 55 * 55],
    );
    // 448 / 14 = 32 patches a side, half of them a side after the shuffle (InternVL 2: 256 a tile).
    assert.deepEqual(
      tokens({
        model_type: 'internvl_chat',
        llm_config: { model_type: 'qwen2' },
        vision_config: { image_size: 448 },
      }),
      [undefined, 256],
    );
    // Llama 4: 336 / 14 = 24 patches a side, half of them a side (144 a tile).
    assert.deepEqual(
      tokens({ model_type: 'llama4', text_config: {}, vision_config: { image_size: 336, patch_size: 14 } }),
      [undefined, 144],
    );
    assert.deepEqual(tokens({ model_type: 'blip-2', text_config: {}, vision_config: {} })[1], 32);
  });

  it('a tower that is named and not described has the sizes of that checkpoint', () => {
    const model = describeModel({
      architectures: ['LlavaLlamaForCausalLM'],
      model_type: 'llava',
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      mm_hidden_size: 1024,
      mm_projector_type: 'mlp2x_gelu',
      mm_vision_tower: 'openai/clip-vit-large-patch14-336',
    });
    assert.deepEqual(
      model.parts.map(({ role, hiddenSize, layers, image }) => [role, hiddenSize, layers.length, image?.tokens]),
      [
        ['decoder', 4096, 32, undefined],
        ['vision', 1024, 24, 577],
      ],
    );
    assert.deepEqual(model.projector, { kind: 'two linear layers', inputSize: 1024, outputSize: 4096 });
    assert.equal(model.exact, false, 'the tower lies elsewhere');
    const unknown = describeModel({ model_type: 'llava', hidden_size: 64, mm_vision_tower: '/home/me/tower' });
    assert.deepEqual(
      unknown.parts.map(({ role }) => role),
      ['decoder'],
    );
  });

  it('a file cut down to its text model is not counted as the whole', () => {
    const model = describeModel({ model_type: 'llama4', text_config: { model_type: 'llama4_text' } });
    assert.deepEqual([model.exact, model.parts.length], [false, 1]);
  });

  it('a text part of a type that nobody knows is described, and the whole not counted', () => {
    const model = describeModel({
      model_type: 'mistral3',
      text_config: { model_type: 'someone', hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4 },
      vision_config: {},
    });
    assert.deepEqual(
      [model.exact, mainPart(model)?.heads, mainPart(model)?.headDim, countParameters(model)],
      [false, 4, 16, undefined],
    );
    // A key that speech encoders have as well does not make it one.
    const other = describeModel({
      model_type: 'lfm2_vl',
      text_config: {
        model_type: 'someone',
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        conv_dim: 64,
      },
      vision_config: {},
    });
    assert.deepEqual([mainPart(other)?.role, mainPart(other)?.layers[0]?.attention.causal], ['decoder', true]);
  });
});
