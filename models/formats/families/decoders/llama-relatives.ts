/** Decoders in Llama's names with one thing changed, that transformers 5 brought. */
import { decoderFamily } from '../shared/decoder-family';
import { namedExperts, separateExperts } from '../shared/decoder-layout';
import { groupedKeys, groupedSigmoid, normalisedSoftmax, softmaxByKey } from '../shared/routers';
import { amount, flag } from '../shared/family';
import { latentKeys, latentScale } from './deepseek';
import { computes as gemmaComputes, gemma2Keys, scale as gemmaScale } from './gemma';
import { graniteExperts, graniteFactors, graniteMoeKeys, llamaKeys, llamaLayout, writeGraniteExperts } from './llama';
import { normsBehind } from './olmo';
import { honoured, idle, llamaLikeKeys, only, rotaryDecoderKeys, routerIdle } from '../shared/run-keys';

const projections = ['gate_proj', 'up_proj', 'down_proj'] as const;
const plain = { ...llamaLayout, attention: { ...llamaLayout.attention, outputBias: false } };

const helium = decoderFamily({
  id: 'helium',
  title: 'Helium',
  types: ['helium'],
  architectures: /^HeliumFor/,
  run: llamaKeys,
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: plain,
});

/** Text of Emu3, whose vocabulary has the codes of pictures. */
const emu3Text = decoderFamily({
  id: 'emu3_text_model',
  title: 'Emu3 text',
  types: ['emu3_text_model'],
  architectures: /^Emu3ForCausalLM/,
  run: { ...llamaKeys, ...idle('the class has none of it', 'is_decoder') },
  layout: llamaLayout,
});

/** Text of Moshi, with a row in its embedding for what is not said yet; half of `ffn_dim` are units. */
const moshi = decoderFamily({
  id: 'moshi',
  title: 'Moshi text',
  types: ['moshi'],
  architectures: /^MoshiForCausalLM/,
  alone: /^MoshiForCausalLM$/,
  run: {
    ...llamaLikeKeys,
    ...honoured('ffn_dim', 'sliding_window'),
    ...idle('of the models of sound', 'audio_encoder_config', 'depth_decoder_config', 'audio_vocab_size'),
    ...idle('of the models of sound', 'num_codebooks', 'd_ff'),
  },
  choice: (reader) => ({ intermediateSize: Math.floor((reader.integer('ffn_dim', 1) ?? 0) / 2) }),
  layout: {
    ...plain,
    furtherTokens: 1,
    attention: {
      ...plain.attention,
      projections: ['q_proj.linear', 'k_proj.linear', 'v_proj.linear'],
      output: 'o_proj.linear',
      inputBias: false,
    },
    mlp: { prefix: 'mlp.', inputs: ['fc1'], fused: true, output: 'fc2' },
  },
});

/** Scores that grow with what the values of a key say, and learned factors of the stream at each branch. */
const doge = decoderFamily({
  id: 'doge',
  title: 'Doge',
  types: ['doge'],
  architectures: /^DogeFor/,
  run: {
    ...llamaKeys,
    ...honoured('keep_window_size', 'sliding_window'),
    ...only([false], 'is_moe'),
    ...idle('of experts, which are refused', 'num_experts', 'num_experts_per_tok', 'norm_topk_prob'),
    ...idle('the class has none of it', 'is_decoder', 'type_vocab_size'),
    ...routerIdle,
  },
  record: ['is_moe'],
  computes: {
    // In longer texts each query reads the keys that are raised most.
    readsAllOf: (part) => amount(part, 'keep_window_size') ?? 2048,
  },
  choice: (reader) => {
    const size = reader.integer('intermediate_size') ?? 0;
    return reader.boolean('is_moe') === true ? {} : { feedForward: () => ({ kind: 'dense', size, gated: true }) };
  },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'head', valueBias: { map: 'dt_proj', gain: 'A' } },
    carries: ['input_residual', 'post_attention_residual'],
  },
});

/** Differential attention. */
const diffLlama = decoderFamily({
  id: 'diffllama',
  title: 'DiffLlama',
  types: ['diffllama'],
  architectures: /^DiffLlamaFor/,
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias'),
    ...idle('first values of weights that are stored', 'lambda_std_dev'),
    ...idle('the class has none of it', 'is_decoder', 'type_vocab_size'),
  },
  layout: {
    ...plain,
    attention: {
      ...llamaLayout.attention,
      differential: { query: ['lambda_q1', 'lambda_q2'], key: ['lambda_k1', 'lambda_k2'] },
    },
    mlp: { ...llamaLayout.mlp, bias: false },
  },
});

/** Code World Model: three layers with a window follow each full one. */
const cwm = decoderFamily({
  id: 'cwm',
  title: 'CWM',
  types: ['cwm'],
  architectures: /^CwmFor/,
  run: { ...llamaLikeKeys, ...honoured('mlp_bias', 'sliding_window', 'layer_types') },
  choice: () => ({ windowed: (index) => index % 4 !== 0 }),
  layout: { ...plain, attention: { ...plain.attention, inputBias: false } },
});

/** Layer norms, and a plain network of squared positive parts. */
const jais2 = decoderFamily({
  id: 'jais2',
  title: 'Jais 2',
  types: ['jais2'],
  architectures: /^Jais2For/,
  run: { ...rotaryDecoderKeys, ...honoured('layer_norm_eps', 'attention_bias', 'mlp_bias') },
  choice: () => ({ gated: false, norm: 'layer' }),
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, inputs: ['up_proj'] }, normBias: true },
});

/** No norm has a weight, of the embedding and of heads neither, and pairs of numbers are turned the other way. */
const nanoChat = decoderFamily({
  id: 'nanochat',
  title: 'nanochat',
  types: ['nanochat'],
  architectures: /^NanoChatFor/,
  run: { ...llamaLikeKeys, ...honoured('attention_bias', 'final_logit_softcapping') },
  computes: {
    norms: ['attention', 'network'],
    plainEmbeddingNorm: true,
    plainFinalNorm: true,
    plainHeadNorms: true,
  },
  choice: () => ({ gated: false, rope: { backwards: true } }),
  layout: {
    root: 'model.',
    embedding: 'embed_tokens',
    layer: 'layers.{layer}.',
    attention: llamaLayout.attention,
    mlp: { prefix: 'mlp.', inputs: ['fc1'], output: 'fc2' },
    norms: [],
  },
});

/** Gemma 2 without the norms behind attention and network. */
const vaultGemma = decoderFamily({
  id: 'vaultgemma',
  title: 'VaultGemma',
  types: ['vaultgemma'],
  architectures: /^VaultGemmaFor/,
  tied: true,
  run: gemma2Keys,
  computes: { ...gemmaComputes, scale: gemmaScale },
  choice: () => ({ windowed: (index) => index % 2 === 0 }),
  layout: { ...llamaLayout, norms: ['input_layernorm', 'pre_feedforward_layernorm'] },
});

/** OLMo 2's norms around experts. */
const flexOlmo = decoderFamily({
  id: 'flex_olmo',
  title: 'FlexOlmo',
  types: ['flex_olmo'],
  architectures: /^FlexOlmoFor/,
  run: {
    ...llamaLikeKeys,
    ...honoured('attention_bias', 'num_experts', 'num_local_experts', 'num_experts_per_tok', 'norm_topk_prob'),
    ...routerIdle,
  },
  computes: { ...normsBehind, router: softmaxByKey },
  layout: {
    ...llamaLayout,
    attention: { ...llamaLayout.attention, norm: () => 'all' },
    norms: ['post_attention_layernorm', 'post_feedforward_layernorm'],
    experts: separateExperts({ prefix: 'mlp.', router: 'gate', projections }),
  },
});

const solarOpen = decoderFamily({
  id: 'solar_open',
  title: 'Solar Open',
  types: ['solar_open'],
  architectures: /^SolarOpenFor/,
  run: { ...llamaLikeKeys, ...groupedKeys, ...honoured('attention_bias', 'partial_rotary_factor') },
  computes: { router: groupedSigmoid },
  layout: {
    ...plain,
    experts: separateExperts({
      prefix: 'mlp.',
      router: 'gate',
      routerBias: 'gate.e_score_correction_bias',
      projections,
      shared: 'shared_experts.',
    }),
  },
});

/** Granite MoE with a network beside the experts, its two inputs in one tensor. */
const graniteMoeShared = decoderFamily({
  id: 'granitemoeshared',
  title: 'Granite MoE with a shared network',
  types: ['granitemoeshared'],
  architectures: /^GraniteMoeSharedFor/,
  run: {
    ...graniteMoeKeys,
    ...honoured('shared_intermediate_size'),
    ...only(['rope', null], 'position_embedding_type'),
  },
  computes: { ...graniteFactors, router: normalisedSoftmax },
  layout: {
    ...llamaLayout,
    experts: namedExperts(
      (writer, feedForward, layer, part) => {
        writeGraniteExperts(writer, feedForward, layer, part);
        const { sharedSize = 0 } = feedForward.experts ?? {};
        if (sharedSize === 0) return;
        writer.linear('mlp', 'shared_mlp.input_linear', part.hiddenSize, 2 * sharedSize, false);
        writer.linear('mlp', 'shared_mlp.output_linear', sharedSize, part.hiddenSize, false);
      },
      {
        ...graniteExperts,
        sharedBeside: { prefix: 'shared_mlp.', gateAndUp: 'input_linear', down: 'output_linear' },
      },
    ),
  },
});

/** DeepSeek's latent attention in a dense model. */
const youtu = decoderFamily({
  id: 'youtu',
  title: 'Youtu-LLM',
  types: ['youtu'],
  architectures: /^YoutuFor/,
  tied: true,
  run: {
    ...llamaKeys,
    ...latentKeys,
    ...idle('first values of weights that are stored', 'embedding_initializer_range'),
  },
  computes: { scale: latentScale },
  choice: () => ({ rope: { layout: 'interleaved' } }),
  layout: { ...llamaLayout, mlp: { ...llamaLayout.mlp, bias: (part) => flag(part, 'mlp_bias') } },
});

export const llamaRelatives = [
  helium,
  doge,
  diffLlama,
  emu3Text,
  moshi,
  cwm,
  jais2,
  nanoChat,
  vaultGemma,
  flexOlmo,
  solarOpen,
  graniteMoeShared,
  youtu,
];
