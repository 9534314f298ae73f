/** A GGUF file is the model of the checkpoint that it was made from: the same logits, by whole runs and token by token. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { normWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { isFormOf } from '../../../models/formats/gguf/other-form';
import { readModelFolder } from '../../../models/formats/model-folder';
import { encodedSource } from '../../../compute-server/model/prompt/source';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { uniform } from '../../support/checkpoints/encoded-tiny';
import { tinyRwkv6 } from '../../support/checkpoints/tiny-rwkv6';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { convertToGguf } from '../../support/gguf-conversion';
import { writeSafetensors } from '../../support/safetensors-file';
import { vocabularyOf } from '../../support/gguf-vocabulary';
import { decodedDifference } from '../../support/reference/compare-model';
import { numbersOfBlocks, randomBlocks } from '../../support/reference/gguf-numbers';
import { readTensors } from '../../support/reference/variants';
import { referenceModels } from '../../support/reference/reference-models';

/** One model for each conversion, those with most parts first: windows, scaled rotations, factors, softcaps. */
const chosen = [
  'llama--LlamaForCausalLM',
  'llama-bias--LlamaForCausalLM--hard',
  'llama-linear--LlamaForCausalLM--hard',
  'llama-llama3--LlamaForCausalLM--hard',
  'llama-yarn--LlamaForCausalLM--hard',
  'mistral--MistralForCausalLM',
  'mixtral--MixtralForCausalLM',
  'qwen2--Qwen2ForCausalLM',
  'qwen3--Qwen3ForCausalLM',
  'qwen2_moe--Qwen2MoeForCausalLM',
  'qwen3_moe--Qwen3MoeForCausalLM',
  'gemma--GemmaForCausalLM--hard',
  'gemma2--Gemma2ForCausalLM--hard',
  'gemma3_text--Gemma3ForCausalLM--hard',
  'phi3--Phi3ForCausalLM',
  'phi3-longrope--Phi3ForCausalLM--hard',
  'gpt2--GPT2LMHeadModel',
  'granite--GraniteForCausalLM--hard',
  'starcoder2--Starcoder2ForCausalLM',
  'gpt_bigcode--GPTBigCodeForCausalLM',
  'phi--PhiForCausalLM',
  'stablelm--StableLmForCausalLM--hard',
  'olmo--OlmoForCausalLM',
  'olmo2--Olmo2ForCausalLM--hard',
  'olmoe--OlmoeForCausalLM--hard',
  'cohere--CohereForCausalLM--hard',
  'cohere2--Cohere2ForCausalLM--hard',
  'nemotron--NemotronForCausalLM--hard',
  'exaone4--Exaone4ForCausalLM',
  'glm4--Glm4ForCausalLM--hard',
  'smollm3--SmolLM3ForCausalLM--hard',
  'arcee--ArceeForCausalLM',
  'seed_oss--SeedOssForCausalLM',
  'hunyuan_v1_dense--HunYuanDenseV1ForCausalLM',
  'ernie4_5--Ernie4_5ForCausalLM',
  'gpt_neox--GPTNeoXForCausalLM',
  'gpt_oss--GptOssForCausalLM--hard',
  'dots1--Dots1ForCausalLM--hard',
  'glm4_moe--Glm4MoeForCausalLM--hard',
  'minimax_m2--MiniMaxM2ForCausalLM',
  'bloom--BloomForCausalLM',
  'falcon-7b--FalconForCausalLM--hard',
  'falcon-40b--FalconForCausalLM--hard',
  'mpt--MptForCausalLM',
  'granitemoe--GraniteMoeForCausalLM--hard',
  'granitemoeshared--GraniteMoeSharedForCausalLM',
  'llama4_text--Llama4ForCausalLM--hard',
  'ernie4_5_moe--Ernie4_5_MoeForCausalLM--hard',
  'hunyuan_v1_moe--HunYuanMoEV1ForCausalLM',
  'deepseek_v2--DeepseekV2ForCausalLM--hard',
  'deepseek_v3-yarn--DeepseekV3ForCausalLM--hard',
  'mamba--MambaForCausalLM',
  'falcon_mamba--FalconMambaForCausalLM',
  'mamba2--Mamba2ForCausalLM',
  'jamba--JambaForCausalLM',
  'falcon_h1--FalconH1ForCausalLM',
  'bamba--BambaForCausalLM',
  'granitemoehybrid--GraniteMoeHybridForCausalLM',
  'lfm2--Lfm2ForCausalLM--hard',
  'lfm2_moe--Lfm2MoeForCausalLM',
  'qwen3_next--Qwen3NextForCausalLM--hard',
  'gemma3n--Gemma3nForCausalLM',
  'olmo3--Olmo3ForCausalLM--hard',
  'exaone_moe--ExaoneMoeForCausalLM',
  'phimoe--PhimoeForCausalLM--hard',
  'qwen3_5--Qwen3_5ForCausalLM',
  'qwen3_5_moe--Qwen3_5MoeForCausalLM',
  'ministral3--Ministral3ForCausalLM',
  't5--T5ForConditionalGeneration',
  't5-gated--T5ForConditionalGeneration--hard',
  'umt5--UMT5ForConditionalGeneration',
];

/** Keys that a header cannot hold, as llama.cpp has one value for each architecture. */
const implied: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'qwen3_moe--Qwen3MoeForCausalLM': { norm_topk_prob: true },
  'gpt_bigcode--GPTBigCodeForCausalLM': { activation_function: 'gelu_pytorch_tanh' },
  // The width of a head.
  'gemma2--Gemma2ForCausalLM--hard': { query_pre_attn_scalar: 24 },
  'gemma3_text--Gemma3ForCausalLM--hard': { query_pre_attn_scalar: 24 },
  // llama.cpp has one distance for all, and the head reads scaled numbers where it is the table of words.
  't5-gated--T5ForConditionalGeneration--hard': { relative_attention_max_distance: 128, scale_decoder_outputs: true },
  // So that positions are far enough to temper scores.
  'ministral3--Ministral3ForCausalLM': {
    rope_parameters: {
      ...{ rope_type: 'yarn', rope_theta: 1e6, factor: 16, original_max_position_embeddings: 6, beta_fast: 32 },
      ...{ beta_slow: 1, mscale: 1, mscale_all_dim: 1, llama_4_scaling_beta: 0.1 },
    },
  },
  // In the checkpoint none is thinned out.
  'gemma3n--Gemma3nForCausalLM': { activation_sparsity_pattern: [0.95, 0, 0.95, 0] },
  'llama4_text--Llama4ForCausalLM--hard': { attention_chunk_size: 8192, floor_scale: 8192 },
  // No key says how groups of experts are chosen.
  'deepseek_v2--DeepseekV2ForCausalLM--hard': { topk_method: 'group_limited_greedy' },
  // In the checkpoint all are 1.
  'falcon_h1--FalconH1ForCausalLM': {
    ...{ attention_in_multiplier: 0.9, attention_out_multiplier: 1.1, key_multiplier: 0.8, embedding_multiplier: 1.3 },
    ...{ lm_head_multiplier: 0.7, mlp_multipliers: [1.2, 0.6], ssm_in_multiplier: 0.75, ssm_out_multiplier: 1.4 },
    ssm_multipliers: [1.1, 0.9, 0.8, 1.2, 0.7],
  },
};

/** Decoders that no reference folder has, of random weights. */
const nemotron = {
  ...{ model_type: 'nemotron_h', architectures: ['NemotronHForCausalLM'], hidden_size: 32, num_hidden_layers: 4 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 8, intermediate_size: 48, vocab_size: 99 },
  ...{ mamba_num_heads: 4, mamba_head_dim: 8, n_groups: 2, ssm_state_size: 8, conv_kernel: 4, norm_eps: 1e-5 },
  ...{ layer_norm_epsilon: 1e-5, tie_word_embeddings: false, max_position_embeddings: 128 },
};
const randomDecoders: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  nemotron_h: { ...nemotron, layers_block_type: ['mamba', 'mlp', 'attention', 'mamba'] },
  nemotron_h_moe: {
    ...{ ...nemotron, layers_block_type: ['mamba', 'moe', 'attention', 'moe'], n_routed_experts: 4 },
    ...{ num_experts_per_tok: 2, moe_intermediate_size: 24, moe_shared_expert_intermediate_size: 40 },
    ...{ n_shared_experts: 1, n_group: 1, topk_group: 1, norm_topk_prob: true, routed_scaling_factor: 2.5 },
    moe_latent_size: 16,
  },
  // Layers are rescaled from the second on.
  rwkv6: { ...tinyRwkv6[0].config, vocab_size: 99, rescale_every: 1 },
};

const ids = [5, 17, 2, 41, 8, 33, 60, 7, 11, 52, 3, 29, 90, 14, 6, 77];

describe('models of GGUF files', () => {
  let room: string;
  before(() => {
    room = mkdtempSync(join(tmpdir(), 'headscope-gguf-'));
  });
  after(() => rmSync(room, { recursive: true, force: true }));

  /** A copy of the folder with the usual activation of its class, which llama.cpp assumes. */
  const folderOf = (name: string): string => {
    const found = referenceModels.find((model) => model.name === name) ?? assert.fail(name);
    const folder = join(room, name);
    mkdirSync(folder);
    const weights = readTensors(join(found.folder, 'model.safetensors'));
    // transformers 5.2.0.dev0 writes language_model into the name of this map.
    const named = [...weights].map(
      ([tensor, data]) => [tensor.replace('_model.language_model_', '_model_'), data] as const,
    );
    writeSafetensors(join(folder, 'model.safetensors'), new Map(named));
    const { hidden_act: activation, ...config } = { ...found.config, ...implied[name] } as Record<string, unknown>;
    const own = activation === undefined || activation === 'gelu' ? {} : { hidden_act: activation };
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...own }));
    return folder;
  };
  const randomFolder = (name: string, config: Readonly<Record<string, unknown>>): string => {
    const folder = join(room, name);
    mkdirSync(folder);
    const checkpoint = randomCheckpoint(config);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(checkpoint.config));
    writeSafetensors(join(folder, 'model.safetensors'), checkpoint.tensors);
    return folder;
  };
  const open = (path: string): Promise<LoadedModel> => openModel(path, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  const isForm = async (file: string, folder: string): Promise<boolean> => {
    const checkpoint = await readModelFolder(folder);
    return checkpoint.ok && (await isFormOf(file, checkpoint.model));
  };
  /** What an encoder-decoder reads. */
  const sourceOf = async ({ source }: LoadedModel): Promise<Pick<Sequence, 'source'>> => {
    const own = ids.toReversed();
    return source
      ? { source: { ids: own, stream: await encodedSource(source, { ids: own }, { memoryLimit: 1e9 }) } }
      : {};
  };
  const logitsOf = async (model: LoadedModel): Promise<Float32Array> => {
    const request = { ...(await sourceOf(model)), ids, chunk: ids.length, logits: 'all' } as const;
    const { logits } = await runPrompt(model.spec, model.sessions, request);
    return logits?.data as Float32Array;
  };

  it('read text and chats by the tokenizer inside', async () => {
    const folder = 'examples/models/demo-lm';
    const tokenizer = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as unknown;
    const values = {
      ...vocabularyOf(tokenizer, 'smollm'),
      'tokenizer.ggml.add_bos_token': { bool: true },
      'tokenizer.chat_template': "{{ bos_token }}{{ messages[0]['content'] }}",
    };
    const gguf = await open(convertToGguf(folder, join(room, 'demo.gguf'), { values }));
    const whole = await open(folder);
    const [own, expected] = [gguf, whole].map(({ tokeniser }) =>
      tokeniser.ok ? tokeniser.tokeniser : assert.fail(tokeniser.why),
    );
    const text = 'Anna said 12 words to Ben.';
    assert.deepEqual(own?.encode(text), expected?.encode(text));
    assert.deepEqual(own?.pieces(own.encode(text)), expected?.pieces(expected.encode(text)));
    assert.deepEqual(own?.chat(text).ids, expected?.encode(text));
    assert.equal(gguf.bosId, whole.bosId);
    own?.close();
    expected?.close();
    await gguf.sessions.release();
    await whole.sessions.release();
  });

  it('with a tokenizer inside that is not understood say so, and run on token ids', async () => {
    const folder = 'examples/models/demo-lm';
    const tokenizer = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as unknown;
    const values = { ...vocabularyOf(tokenizer, 'smollm'), 'tokenizer.ggml.model': 'plamo2' };
    const gguf = await open(convertToGguf(folder, join(room, 'unread.gguf'), { values }));
    const whole = await open(folder);
    assert.match(gguf.tokeniser.ok ? '' : gguf.tokeniser.why, /plamo2/);
    const [expected, found] = [await logitsOf(whole), await logitsOf(gguf)];
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (found[at] ?? NaN))), 0);
    assert.ok(worst <= 1e-6 * largest, `${worst / largest}`);
    await gguf.sessions.release();
    await whole.sessions.release();
  });

  const sizes = {
    ...{ hidden_size: 64, intermediate_size: 96, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 96 },
    ...{ num_hidden_layers: 2, max_position_embeddings: 64, rms_norm_eps: 1e-5, rope_theta: 10000 },
  };
  const inBlocks = {
    'experts and heads': { model_type: 'mixtral', ...sizes, num_local_experts: 4, num_experts_per_tok: 2 },
    'rows and columns in another order': {
      ...{ model_type: 'qwen3_5_text', ...sizes, head_dim: 32, layer_types: ['linear_attention', 'full_attention'] },
      ...{ linear_num_key_heads: 2, linear_num_value_heads: 4, linear_key_head_dim: 32, linear_value_head_dim: 32 },
      ...{ linear_conv_kernel_dim: 4, rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.5 } },
    },
    'a power of 2 times those of the file': {
      ...{ ...tinyRwkv6[0].config, hidden_size: 64, head_size: 16, attention_hidden_size: 64, intermediate_size: 64 },
      ...{ vocab_size: 96, rescale_every: 1 },
    },
    'rows of two tensors, one transposed': {
      ...{ model_type: 'deepseek_v3', ...sizes, num_key_value_heads: 4, kv_lora_rank: 32, q_lora_rank: 32 },
      ...{ qk_nope_head_dim: 32, qk_rope_head_dim: 32, v_head_dim: 32, n_routed_experts: 4, n_shared_experts: 1 },
      ...{ num_experts_per_tok: 2, moe_intermediate_size: 32, first_k_dense_replace: 1, norm_topk_prob: true },
    },
  };
  for (const [what, config] of Object.entries(inBlocks)) {
    it(`in blocks give the logits of the same numbers in F32: ${what}`, async () => {
      const folder = mkdtempSync(join(room, 'blocks-'));
      const checkpoint = randomCheckpoint(config);
      writeFileSync(join(folder, 'config.json'), JSON.stringify(checkpoint.config));
      writeSafetensors(join(folder, 'model.safetensors'), checkpoint.tensors);
      const written = (asFloats: boolean): string => {
        const random = uniform(3);
        return convertToGguf(folder, join(folder, `blocks-${asFloats}.gguf`), {
          format: () => ({
            id: asFloats ? 0 : 8,
            encode: ({ length }) => {
              const blocks = randomBlocks('Q8_0', length, random, 0.2);
              return asFloats ? new Uint8Array(Float32Array.from(numbersOfBlocks('Q8_0', blocks)).buffer) : blocks;
            },
          }),
        });
      };
      const [floats, blocks] = [await open(written(true)), await open(written(false))];
      const [expected, found] = [await logitsOf(floats), await logitsOf(blocks)];
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (found[at] ?? NaN))), 0);
      assert.ok(worst <= 2e-6 * largest, `${worst / largest}`);
      assert.ok(blocks.summary.dtypes.includes('Q8_0'), blocks.summary.dtypes.join());
      await floats.sessions.release();
      await blocks.sessions.release();
    });
  }

  /** Rows behind the last layer and its norm. */
  const rowsOf = async ({ spec, sessions }: LoadedModel): Promise<Float32Array> => {
    const run = await runPrompt(spec, sessions, { ids, chunk: ids.length, keepLast: true, logits: 'none' });
    return run.last?.chunks[0] ?? assert.fail();
  };
  const lastNorm = async ({ spec, weights, weightsFolder }: LoadedModel) =>
    spec.head.norm && normWeights(spec.head.norm, weights, weightsFolder);
  /** Files that no reference folder has, of random weights. */
  const random = {
    nomic_bert: {
      ...{
        model_type: 'nomic_bert',
        architectures: ['NomicBertModel'],
        n_embd: 32,
        n_inner: 48,
        n_layer: 2,
        n_head: 4,
      },
      ...{ vocab_size: 99, type_vocab_size: 3, n_positions: 128, layer_norm_epsilon: 1e-2, rotary_emb_base: 1000 },
      ...{ activation_function: 'swiglu', qkv_proj_bias: false, mlp_fc1_bias: false, mlp_fc2_bias: false },
    },
    neobert: {
      ...{ model_type: 'neobert', architectures: ['NeoBERT'], hidden_size: 32, num_hidden_layers: 2 },
      ...{ num_attention_heads: 2, intermediate_size: 48, vocab_size: 99, norm_eps: 1e-5, max_length: 128 },
    },
  };
  const encoders = [
    ['bert--BertLMHeadModel', 'BertModel', 'mean'],
    ['roberta--RobertaForCausalLM', 'RobertaModel', 'cls'],
    ['distilbert--DistilBertForMaskedLM', 'DistilBertModel', undefined],
    ['modernbert--ModernBertForMaskedLM--hard', 'ModernBertModel', 'cls'],
    ['nomic_bert', 'NomicBertModel', 'mean'],
    ['neobert', 'NeoBERT', 'cls'],
    ['t5--T5EncoderModel', 'T5EncoderModel', undefined],
  ] as const;
  for (const [name, className, pooling] of encoders) {
    if (!(name in random) && !referenceModels.some((model) => model.name === name)) continue;
    it(`${name} as ${className}`, async () => {
      let folder = join(room, name);
      if (name in random) {
        folder = randomFolder(name, random[name as keyof typeof random]);
      } else {
        folder = folderOf(name);
        const path = join(folder, 'config.json');
        const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
        writeFileSync(path, JSON.stringify({ ...config, architectures: [className] }));
        const weights = join(folder, 'model.safetensors');
        const kept = [...readTensors(weights)].filter(([tensor]) => !/^(cls|lm_head|vocab_|head|decoder)/.test(tensor));
        writeSafetensors(weights, new Map(kept));
      }
      const [whole, gguf] = [await open(folder), await open(convertToGguf(folder, join(room, `${name}.gguf`)))];
      try {
        const [expected, found] = [await rowsOf(whole), await rowsOf(gguf)];
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (found[at] ?? NaN))), 0);
        assert.ok(worst <= 1e-6 * largest, `${worst / largest}`);
        const [norms, own] = [await lastNorm(whole), await lastNorm(gguf)];
        assert.deepEqual([own?.gain, own?.bias], [norms?.gain, norms?.bias]);
        assert.equal(gguf.summary.causal, false);
        assert.ok(await isForm(join(room, `${name}.gguf`), folder), 'it is offered as another form of the checkpoint');
        assert.deepEqual(gguf.embedding?.modes, pooling && [pooling]);
      } finally {
        await whole.sessions.release();
        await gguf.sessions.release();
      }
    });
  }

  for (const [name, config] of Object.entries(randomDecoders)) {
    it(name, () => isTheSame(name, randomFolder(name, config)));
  }

  for (const name of chosen) {
    if (referenceModels.some((model) => model.name === name)) it(name, () => isTheSame(name, folderOf(name)));
  }

  async function isTheSame(name: string, folder: string): Promise<void> {
    const file = convertToGguf(folder, join(room, `${name}.gguf`));
    const [whole, gguf] = [await open(folder), await open(file)];
    try {
      const [expected, found] = [await logitsOf(whole), await logitsOf(gguf)];
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (found[at] ?? NaN))), 0);
      assert.ok(worst <= 1e-6 * largest, `${worst / largest}`);
      assert.ok((await decodedDifference(gguf, ids, await sourceOf(gguf))) <= 1e-5, 'token by token');
      assert.equal(gguf.summary.name, name);
      assert.ok(await isForm(file, folder), 'it is offered as another form of the checkpoint');
      assert.deepEqual(gguf.stopIds, whole.stopIds);
    } finally {
      for (const { source, sessions } of [whole, gguf]) {
        await source?.sessions.release();
        await sessions.release();
      }
    }
  }
});
