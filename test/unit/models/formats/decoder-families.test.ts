import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '../../../../models/formats/config/config-reader';
import { parseConfig } from '../../../../models/formats/config/parse-config';
import { describeModel } from '../../../../models/formats/describe-model';
import type { ModelPart } from '../../../../models/formats/model-description';
import { compareTensors } from '../../../../models/formats/compare-tensors';
import { countParameters, expectedTensors, tensorNames } from '../../../../models/formats/expected-tensors';
import { corpus, corpusModels as folders } from '../../../support/corpus';

const decoder = (config: object): ModelPart => {
  const part = describeModel(config).parts.find(({ role }) => role === 'decoder');
  assert.ok(part);
  return part;
};

const shapesOf = (config: object): ReadonlyMap<string, string> =>
  new Map(
    (expectedTensors(describeModel(config)) ?? []).flatMap((tensor) =>
      [...tensorNames(tensor)].map((name) => [name, tensor.shape.join('x')] as const),
    ),
  );

describe('layers of single decoders', () => {
  const small = { num_hidden_layers: 12, num_kv_shared_layers: 6, use_double_wide_mlp: true, num_key_value_heads: 1 };
  const gemma = { model_type: 'gemma4_text', architectures: ['Gemma4ForCausalLM'] };

  it('Gemma 4: every sixth layer is a full one with wider heads that rotate by a quarter', () => {
    const part = decoder({
      ...gemma,
      num_hidden_layers: 12,
      rope_parameters: {
        full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1e6 },
        sliding_attention: { rope_type: 'default', rope_theta: 1e4 },
      },
    });
    assert.deepEqual(
      part.layers.map(({ attention }) => `${attention.kind} ${attention.headDim} ${attention.valueDim}`),
      Array.from({ length: 12 }, (_, index) => (index % 6 === 5 ? 'full 512 512' : 'window 256 256')),
    );
    assert.deepEqual(
      [5, 0]
        .map((index) => part.ropes[part.layers[index]?.attention.rope ?? -1])
        .map((rope) => [rope?.theta, rope?.dimensions]),
      [
        [1e6, 128],
        [1e4, 256],
      ],
    );
  });

  it('LongCat-Flash: 560 billion parameters, of which a token uses at most 31.3 beside its embedding (arXiv:2509.01322)', () => {
    const model = describeModel({ model_type: 'longcat_flash', architectures: ['LongcatFlashForCausalLM'] });
    const { total, active } = countParameters(model) ?? assert.fail();
    assert.equal(Math.floor(total / 1e9), 560);
    assert.ok(Math.abs((active - 131_072 * 6144) / 1e9 - 31.3) < 0.1);
    assert.deepEqual(
      model.parts[0]?.layers.slice(0, 4).map(({ feedForward: { kind, size } }) => `${kind} ${size}`),
      ['experts 2048', 'dense 12288', 'experts 2048', 'dense 12288'],
    );
  });

  it('Gemma 4: values that are projected keys are stored apart, since only keys are rotated', () => {
    const config = { ...gemma, attention_k_eq_v: true, num_global_key_value_heads: 2, num_hidden_layers: 6 };
    const part = decoder(config);
    assert.deepEqual(
      part.layers.map(({ attention }) => attention.kvHeads),
      [4, 4, 4, 4, 4, 2],
    );
    assert.ok(part.layers.every(({ attention }) => attention.keyIsValue === undefined));
    const names = [...shapesOf(config).keys()];
    assert.ok(names.includes('model.layers.4.self_attn.v_proj.weight'));
    assert.ok(!names.includes('model.layers.5.self_attn.v_proj.weight'));
    assert.ok(names.includes('model.layers.5.self_attn.k_proj.weight'));
  });

  it('Gemma 4: the last layers read the last of their kind before them and have wider networks', () => {
    const part = decoder({ ...gemma, ...small });
    assert.deepEqual(
      part.layers.slice(4).map(({ attention, feedForward }) => [attention.sharesKvOf, feedForward.size]),
      [
        [undefined, 9216],
        [undefined, 9216],
        [4, 18432],
        [4, 18432],
        [4, 18432],
        [4, 18432],
        [4, 18432],
        [5, 18432],
      ],
    );
  });

  it('Gemma 4: keys that came along for layers which read others are called copies', () => {
    const config = { ...gemma, ...small };
    const found = [...shapesOf(config)].map(([name, shape]) => ({ name, shape: shape.split('x').map(Number) }));
    const extra = ['k_proj', 'v_proj', 'k_norm'].map((name) => ({
      name: `model.layers.7.self_attn.${name}.weight`,
      shape: [256, 2304],
    }));
    const compared = compareTensors(describeModel(config), [...found, ...extra]);
    assert.deepEqual(
      compared?.copies,
      extra.map(({ name }) => name),
    );
    assert.deepEqual([compared.missing, compared.unexpected], [[], []]);
    const own = { name: 'model.layers.2.self_attn.k_proj.bias', shape: [256] };
    assert.deepEqual(compareTensors(describeModel(config), [...found, own])?.unexpected, [own.name]);
  });

  it('DeepSeek-V4: one vector for key and value, entries beyond the window, a scorer where the ratio is 4', () => {
    const part = decoder({ model_type: 'deepseek_v4', num_hidden_layers: 4, compress_ratios: [0, 4, 128, 4, 0] });
    assert.deepEqual(
      part.layers.map(({ attention }) => [
        attention.kind,
        attention.keyIsValue,
        attention.compressed,
        attention.indexer?.topK,
        part.ropes[attention.rope ?? -1]?.theta,
      ]),
      [
        ['window', true, undefined, undefined, 10000],
        ['full', true, { ratio: 4, window: 128 }, 512, 160000],
        ['full', true, { ratio: 128, window: 128 }, undefined, 160000],
        ['full', true, { ratio: 4, window: 128 }, 512, 160000],
      ],
    );
    assert.equal(part.attention, 'mqa');
  });

  it('DeepSeek-V4: layers by name as by ratio', () => {
    const types = ['sliding_attention', 'compressed_sparse_attention', 'heavily_compressed_attention'];
    const named = decoder({ model_type: 'deepseek_v4', num_hidden_layers: 3, layer_types: types });
    const counted = decoder({ model_type: 'deepseek_v4', num_hidden_layers: 3, compress_ratios: [0, 4, 128] });
    assert.deepEqual(named.layers, counted.layers);
    const hashed = { architectures: ['DeepseekV4ForCausalLM'], model_type: 'deepseek_v4', num_hidden_layers: 2 };
    const tables = (config: object): readonly string[] =>
      [...shapesOf(config).keys()].filter((name) => name.endsWith('tid2eid'));
    assert.deepEqual(tables({ ...hashed, mlp_layer_types: ['moe', 'hash_moe'] }), ['layers.1.ffn.gate.tid2eid']);
    assert.deepEqual(tables({ ...hashed, num_hash_layers: 1 }), ['layers.0.ffn.gate.tid2eid']);
  });

  it('DeepSeek-V4: both rotary forms are read, as they were published and as transformers 5 writes them', () => {
    const yarn = { rope_type: 'yarn', factor: 16, original_max_position_embeddings: 65536 };
    const forms = [
      { rope_theta: 10000, compress_rope_theta: 160000, rope_scaling: yarn },
      {
        rope_parameters: {
          main: { rope_type: 'default', rope_theta: 10000, partial_rotary_factor: 0.125 },
          compress: { ...yarn, rope_theta: 160000, partial_rotary_factor: 0.125 },
        },
      },
    ];
    for (const form of forms) {
      const part = decoder({ model_type: 'deepseek_v4', num_hidden_layers: 2, compress_ratios: [0, 4], ...form });
      assert.deepEqual(
        part.layers
          .map(({ attention }) => part.ropes[attention.rope ?? -1])
          .map((rope) => [rope?.theta, rope?.dimensions, rope?.scaling.kind]),
        [
          [10000, 64, 'none'],
          [160000, 64, 'yarn'],
        ],
      );
    }
  });

  it('DeepSeek-V4: tensors of a layer with a scorer, in the names and shapes of its checkpoint', () => {
    const shapes = shapesOf({
      architectures: ['DeepseekV4ForCausalLM'],
      model_type: 'deepseek_v4',
      num_hidden_layers: 5,
      compress_ratios: [0, 0, 4, 128, 4],
    });
    // As DeepSeek's own inference code declares them for V4-Flash.
    const expected: Readonly<Record<string, string>> = {
      'layers.2.attn.wq_a.weight': '1024x4096',
      'layers.2.attn.q_norm.weight': '1024',
      'layers.2.attn.wq_b.weight': '32768x1024',
      'layers.2.attn.wkv.weight': '512x4096',
      'layers.2.attn.kv_norm.weight': '512',
      'layers.2.attn.wo_a.weight': '8192x4096',
      'layers.2.attn.wo_b.weight': '4096x8192',
      'layers.2.attn.attn_sink': '64',
      'layers.2.attn.compressor.ape': '4x1024',
      'layers.2.attn.compressor.wkv.weight': '1024x4096',
      'layers.2.attn.compressor.wgate.weight': '1024x4096',
      'layers.2.attn.compressor.norm.weight': '512',
      'layers.2.attn.indexer.wq_b.weight': '8192x1024',
      'layers.2.attn.indexer.weights_proj.weight': '64x4096',
      'layers.2.attn.indexer.compressor.ape': '4x256',
      'layers.2.attn.indexer.compressor.wkv.weight': '256x4096',
      'layers.2.attn.indexer.compressor.norm.weight': '128',
      'layers.3.attn.compressor.ape': '128x512',
      'layers.2.ffn.gate.tid2eid': '129280x6',
      'layers.3.ffn.gate.bias': '256',
      'layers.3.ffn.experts.255.w2.weight': '4096x2048',
      'layers.3.ffn.shared_experts.w1.weight': '2048x4096',
      'layers.3.hc_attn_fn': '24x16384',
      'layers.3.hc_ffn_base': '24',
      'layers.3.hc_ffn_scale': '3',
      hc_head_fn: '4x16384',
      'embed.weight': '129280x4096',
      'head.weight': '129280x4096',
      'norm.weight': '4096',
    };
    for (const [name, shape] of Object.entries(expected)) assert.equal(shapes.get(name), shape, name);
    assert.equal(shapes.has('layers.3.attn.indexer.wq_b.weight'), false);
    assert.equal(shapes.has('layers.1.attn.compressor.ape'), false);
  });

  it('DeepSeek-V4: scales beside its weights are a quantiser’s', () => {
    const model = describeModel({ architectures: ['DeepseekV4ForCausalLM'], model_type: 'deepseek_v4' });
    const compared = compareTensors(model, [{ name: 'layers.0.attn.wq_a.scale', shape: [8, 32] }]);
    assert.equal(compared?.quantised, true);
  });

  it('DeepSeek-V3.2: a scorer in each layer beside the latent; GLM-5.2: in every fourth', () => {
    const indexer = { heads: 64, headDim: 128, topK: 2048 };
    for (const { attention } of decoder({ model_type: 'deepseek_v32' }).layers) {
      assert.deepEqual(attention.indexer, indexer);
      assert.ok(attention.latent);
    }
    const glm = decoder({
      model_type: 'glm_moe_dsa',
      num_hidden_layers: 8,
      index_topk_freq: 4,
      index_skip_topk_offset: 3,
    });
    assert.deepEqual(
      glm.layers.map(({ attention }) => attention.indexer !== undefined),
      [true, true, true, false, false, false, true, false],
    );
    assert.match(glm.layers[4]?.attention.note ?? '', /2048 positions that an earlier layer chose/);
  });

  it('MiniMax-M3: blocks chosen by a scorer, dense layers first, as published and as transformers 5 writes it', () => {
    const sizes = {
      model_type: 'minimax_m3',
      hidden_size: 6144,
      num_hidden_layers: 3,
      num_attention_heads: 64,
      num_key_value_heads: 4,
      dense_intermediate_size: 12288,
      intermediate_size: 3072,
      moe_intermediate_size: 3072,
      num_local_experts: 128,
      num_experts_per_tok: 4,
    };
    const forms = [
      {
        moe_layer_freq: [0, 1, 1],
        sparse_attention_config: {
          sparse_attention_freq: [0, 1, 1],
          sparse_block_size: 128,
          sparse_topk_blocks: 16,
          sparse_index_dim: 128,
          sparse_num_index_heads: 4,
        },
      },
      {
        mlp_layer_types: ['dense', 'sparse', 'sparse'],
        layer_types: ['full_attention', 'minimax_m3_sparse', 'minimax_m3_sparse'],
        index_n_heads: 4,
        index_head_dim: 128,
        index_block_size: 128,
        index_topk_blocks: 16,
      },
    ];
    for (const form of forms) {
      assert.deepEqual(describeModel({ ...sizes, ...form }).problems, []);
      assert.deepEqual(
        decoder({ ...sizes, ...form }).layers.map(({ attention, feedForward }) => [
          attention.indexer?.topK,
          feedForward.kind,
          feedForward.size,
        ]),
        [
          [undefined, 'dense', 12288],
          [2048, 'experts', 3072],
          [2048, 'experts', 3072],
        ],
      );
    }
  });

  it('MiMo-V2: window layers with sizes, a rotary base and sinks of their own', () => {
    const config = {
      model_type: 'mimo_v2_flash',
      architectures: ['MiMoV2FlashForCausalLM'],
      hidden_size: 4096,
      intermediate_size: 16384,
      vocab_size: 1000,
      num_hidden_layers: 2,
      num_attention_heads: 64,
      num_key_value_heads: 4,
      head_dim: 192,
      v_head_dim: 128,
      swa_num_key_value_heads: 8,
      swa_head_dim: 192,
      swa_v_head_dim: 128,
      sliding_window: 128,
      hybrid_layer_pattern: [0, 1],
      rope_theta: 5000000,
      swa_rope_theta: 10000,
      partial_rotary_factor: 0.334,
      add_swa_attention_sink_bias: true,
    };
    const part = decoder(config);
    assert.deepEqual(
      part.layers.map(({ attention }) => [
        attention.kind,
        attention.kvHeads,
        attention.valueDim,
        part.ropes[attention.rope ?? -1]?.theta,
      ]),
      [
        ['full', 4, 128, 5000000],
        ['window', 8, 128, 10000],
      ],
    );
    const shapes = shapesOf(config);
    assert.equal(shapes.get('model.layers.1.self_attn.attention_sink_bias'), '64');
    assert.equal(shapes.has('model.layers.0.self_attn.attention_sink_bias'), false);
  });

  it('Step 3.5: heads, rotary base and rotated width by kind of layer, from lists by layer', () => {
    const flat = {
      layer_types: ['full_attention', 'sliding_attention', 'sliding_attention'],
      num_hidden_layers: 2,
      num_nextn_predict_layers: 1,
      sliding_window: 512,
      rope_theta: [5000000, 10000, 10000],
      partial_rotary_factors: [0.5, 1, 1],
      attention_other_setting: {
        attention_type: 'sliding_attention',
        num_attention_heads: 96,
        num_attention_groups: 8,
      },
      moe_layers_enum: '1',
    };
    for (const config of [
      { model_type: 'step3p5', ...flat },
      { model_type: 'step3p7', ...flat },
      { model_type: 'step3p7', text_config: { model_type: 'step3p5', ...flat } },
    ]) {
      const described = describeModel(config);
      assert.deepEqual(described.problems, []);
      const part = decoder(config);
      assert.deepEqual(
        part.layers.map(({ attention, feedForward }) => [
          attention.kind,
          attention.heads,
          attention.kvHeads,
          part.ropes[attention.rope ?? -1]?.theta,
          part.ropes[attention.rope ?? -1]?.dimensions,
          feedForward.kind,
        ]),
        [
          ['full', 64, 8, 5000000, 64, 'dense'],
          ['window', 96, 8, 10000, 128, 'experts'],
        ],
      );
    }
  });

  it('EXAONE 4: only window layers rotate, and all do where there is no window', () => {
    const rotates = (config: object): readonly boolean[] =>
      decoder({ model_type: 'exaone4', num_hidden_layers: 4, max_position_embeddings: 131072, ...config }).layers.map(
        ({ attention }) => attention.rope !== undefined,
      );
    assert.deepEqual(rotates({}), [true, true, true, false]);
    assert.deepEqual(rotates({ sliding_window: null }), [true, true, true, true]);
  });

  it('Hunyuan: layers in a row read the keys of the first where use_cla is true', () => {
    const part = decoder({
      model_type: 'hunyuan',
      hidden_size: 64,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      use_cla: true,
      cla_share_factor: 2,
    });
    assert.deepEqual(
      part.layers.map(({ attention }) => attention.sharesKvOf),
      [undefined, 0, undefined, 2],
    );
  });

  it('Llama 4: a network as wide as one expert beside the routed ones, experts stored input first', () => {
    const config = {
      model_type: 'llama4_text',
      architectures: ['Llama4ForCausalLM'],
      num_hidden_layers: 2,
      interleave_moe_layer_step: 2,
    };
    assert.deepEqual(
      decoder(config).layers.map(({ feedForward }) => [feedForward.size, feedForward.experts?.sharedSize]),
      [
        [16384, undefined],
        [8192, 8192],
      ],
    );
    const shapes = shapesOf(config);
    assert.equal(shapes.get('model.layers.1.feed_forward.experts.gate_up_proj'), '16x5120x16384');
    assert.equal(shapes.get('model.layers.1.feed_forward.shared_expert.down_proj.weight'), '5120x8192');
  });

  it('a draft class gets no exact count from the type that it borrows', () => {
    for (const model_type of ['phi3', 'qwen3', 'gemma4_text', 'minimax_m2']) {
      for (const name of ['LlamaForCausalLMEagle3', 'DFlashDraftModel', 'DSparkDraftModel']) {
        assert.equal(describeModel({ model_type, architectures: [name], num_hidden_layers: 1 }).exact, false, name);
      }
    }
  });
});

const readConfig = (name: string): object => {
  const parsed = parseConfig(readFileSync(join(corpus, name, 'config.json'), 'utf8'));
  assert.ok(parsed.ok && isObject(parsed.value));
  return parsed.value;
};

/** Types of decoders whose folders a family reads, alone or as the text part of a larger model. */
const known = [
  ...['ministral3', 'mistral3', 'llama4', 'gemma4', 'qwen3_5_moe', 'qwen3_5_moe_text', 'glm4_moe', 'glm_moe_dsa'],
  ...['deepseek_v3', 'deepseek_v32', 'deepseek_v4', 'deepseek_ref', 'kimi_k25', 'kimi_k3', 'minimax_m2', 'minimax_m3'],
  ...['step3p7', 'dbrx', 'exaone', 'exaone4', 'exaone4_5', 'phimoe', 'phi3small', 'minicpm', 'minicpm3', 'mimo'],
  ...['mimo_v2_flash', 'hunyuan', 'hunyuan_v1_dense', 'nemotron-nas', 'openelm', 'xverse', 'yuan', 'telechat'],
  ...['bailing_moe', 'PanguEmbedded', 'falcon_perception', 'mixformer-sequential'],
];

describe('published decoders', () => {
  const whole = folders.filter((name) => known.includes(name.split('--')[0] ?? ''));
  if (folders.length === 0) return;
  it(`${whole.length} folders are read by a family of decoders`, () => {
    for (const type of known)
      assert.ok(
        whole.some((name) => name.startsWith(`${type}--`)),
        `no folder of ${type}`,
      );
    const generic = whole.filter((name) => decoder(readConfig(name)).family === 'generic');
    assert.deepEqual(generic, []);
  });

  /** Billions of the model cards, all parameters and those of one token, embedding and head counted or not. */
  const rounded: readonly (readonly [
    folder: string,
    total: number,
    active?: readonly [least: number, most: number],
  ])[] = [
    ['nemotron-nas--Llama-3_3-Nemotron-Super-49B-v1', 49.867145216],
    ['mimo_v2_flash--MiMo-V2-Flash', 309, [14.5, 15.5]],
    ['bailing_moe--Ling-plus-chat', 290, [28.5, 29.5]],
    ['phimoe--Phi-mini-MoE-instruct', 7.65, [2.3, 2.4]],
    ['minicpm3--minicpm3_4b', 4.07],
    ['minicpm--MiniCPM4-8B', 8.19],
    ['xverse--xverse_7b', 7.3],
    ['yuan--yuan2-2B-instruct', 2.09],
    ['deepseek_v4--DeepSeek-V4-Flash', 284, [13, 14]],
    ['deepseek_v4--DeepSeek-V4-Pro', 1573, [49, 50]],
    ['glm_moe_dsa--GLM-5', 744, [40, 42]],
    ['minimax_m3--MiniMax-M3', 427, [25, 27]],
  ];
  for (const [folder, total, active] of rounded) {
    it(`${folder}: ${total} billion`, () => {
      const counted = countParameters(describeModel(readConfig(folder)));
      assert.ok(Math.abs((counted?.total ?? 0) / 1e9 / total - 1) < 0.003, String(counted?.total));
      const [least, most] = active ?? [0, Infinity];
      const used = (counted?.active ?? 0) / 1e9;
      assert.ok(used >= least && used <= most, String(used));
    });
  }
});

describe('the rotated width of configs that do not name its share', () => {
  // The classes' own shares of transformers 5.2, multiplied by hand: [type, width of a head, of which rotated].
  const widths: readonly (readonly [string, number, number])[] = [
    ['bamba', 128, 64],
    ['codegen', 256, 64],
    ['glm', 128, 64],
    ['glm4', 128, 64],
    ['gpt_neox', 96, 24],
    ['gptj', 256, 64],
    ['nemotron', 128, 64],
    ['persimmon', 64, 32],
    ['phi', 64, 32],
    ['phi3', 96, 96],
    ['qwen3_5_text', 256, 64],
    ['qwen3_5_moe_text', 256, 64],
    ['qwen3_next', 256, 64],
    ['recurrent_gemma', 256, 128],
    ['stablelm', 80, 20],
    ['fuyu', 64, 32],
    ['qwen3_5', 256, 64],
    ['qwen3_5_moe', 256, 64],
  ];
  for (const [type, head, rotated] of widths) {
    it(`${type}: ${rotated} of ${head}`, () => {
      // Bamba's class has no attention but at the layers that a file names.
      const part = decoder({ model_type: type, ...(type === 'bamba' ? { attn_layer_indices: [9] } : {}) });
      const attention = part.layers.map((layer) => layer.attention).find(({ rope }) => rope !== undefined);
      assert.ok(attention, 'a layer that rotates');
      assert.equal(attention.headDim, head);
      assert.equal(part.ropes[attention.rope!]?.dimensions, rotated);
    });
  }

  it('glm4_moe: half of the head that the file gives', () => {
    const part = decoder({ model_type: 'glm4_moe', head_dim: 128 });
    assert.equal(part.ropes[part.layers[0]?.attention.rope ?? -1]?.dimensions, 64);
  });
});
