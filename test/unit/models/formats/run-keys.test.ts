import assert from 'node:assert/strict';
import { defaultsOf } from '../../../../models/formats/families/shared/family';
import {
  architectures,
  multimodalArchitectures,
  runnable,
  visionArchitectures,
} from '../../../../models/architectures/catalogue';
import { describeModel } from '../../../../models/formats/describe-model';
import { families } from '../../../../models/formats/families/catalogue';
import { baseKeys, type RunKeys } from '../../../../models/formats/families/shared/run-keys';
import { tinyModels } from '../../../support/checkpoints/tiny-models';
import { tinyGemma3n } from '../../../support/checkpoints/tiny-gemma3n';
import { tinyGemma4 } from '../../../support/checkpoints/tiny-gemma4';
import { tinyMimoV2 } from '../../../support/checkpoints/tiny-mimo-v2';
import { tinyMiniMaxM3 } from '../../../support/checkpoints/tiny-minimax-m3';
import { tinyGla } from '../../../support/checkpoints/tiny-gla';
import { tinyRwkv6 } from '../../../support/checkpoints/tiny-rwkv6';
import { tinyMosaic } from '../../../support/checkpoints/tiny-mosaic';
import { tinyNemotronH } from '../../../support/checkpoints/tiny-nemotron-h';
import { tinyEncoderDecoder } from '../../../support/checkpoints/tiny-encoder-decoders';
import { tinyPair, tinyTextTowers } from '../../../support/checkpoints/tiny-pairs';
import { tinyRotaryBerts } from '../../../support/checkpoints/tiny-rotary-berts';
import { tinyVariants } from '../../../support/checkpoints/tiny-variants';
import { singleTileVlms, splitVlms, tinyLlava, towers } from '../../../support/checkpoints/tiny-vision';
import { variantConfigs } from '../../../support/reference/variants';
import { classDefaults, referenceModels } from '../../../support/reference/reference-models';

type Config = Readonly<Record<string, unknown>>;

const running = families.filter(({ run }) => run !== undefined);
const byType = new Map(running.flatMap((family) => family.modelTypes.map((type) => [type, family] as const)));
const isObject = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a class fills in by itself, and the objects of its parts under their own types; our own rows where the classes are not at hand. */
const classes: readonly (readonly [type: string, defaults: Config, aliases: readonly string[]])[] = [
  ...byType.keys(),
].flatMap((type) => {
  const own = classDefaults?.[type];
  if (!own) {
    const row = defaultsOf(byType.get(type) ?? assert.fail(type), type)?.values ?? {};
    return [[type, row, []]] as const;
  }
  const parts = Object.values(own.defaults).filter(isObject);
  // MPT's attn_config is an object with keys of a class, and no model; what stands beside Moshi's text is not run.
  const ofParts = parts.flatMap((part) =>
    typeof part['model_type'] === 'string' && byType.has(part['model_type'])
      ? [[part['model_type'], part, []] as const]
      : [],
  );
  return [[type, own.defaults, Object.keys(own.aliases)] as const, ...ofParts];
});

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/**
 * Compared by laws of their own, where one code reads the key for all families: every rotary form in rope-forms.test.ts, mixtures of
 * heads in mixture.test.ts, both names of the image token in vision.test.ts.
 */
const elsewhere = new Set([
  'rope_theta',
  'global_rope_theta',
  'local_rope_theta',
  'rope_scaling',
  'partial_rotary_factor',
  'mixture_of_heads',
  'image_token_id',
  'image_token_index',
  'alpha',
  'rope_pct',
  // Biases of the language head and of attention are taken as they are stored, as those of Phi, GPT-J and Llama are.
  'lm_head_bias',
  'qkv_bias',
  'bias',
  'use_bias',
  'projectors_bias',
  'use_conv_bias',
  'mamba_conv_bias',
  'mamba_proj_bias',
  // Norms of the heads of Mamba-2 and the limits of its steps, in laws/models/states.test.ts; what the heads are made of is in the shapes of tensors.
  'mamba_rms_norm',
  'mamba_norm_before_gate',
  'time_step_limit',
  'n_groups',
  'mamba_n_groups',
  'expand',
  'mamba_expand',
  'mamba_d_ssm',
  'conv_kernel',
  'mamba_d_conv',
  // Whether MobileBERT's classifiers read a pooler, in laws/models/classifier-heads.test.ts.
  'classifier_activation',
  // Which token separates a question from a text, in laws/models/marked-tokens.test.ts.
  'sep_token_id',
  // Streams and distances of ProphetNet's decoder, in laws/models/predicting-stream.test.ts.
  'ngram',
  'num_buckets',
  'relative_max_distance',
  // Granite's hybrids without positions are compared; with them, their attention is that of Granite.
  'position_embedding_type',
]);

describe('keys of configuration classes, of the families that run', () => {
  it('each family that runs has a table of its keys, and no other has one', () => {
    const run = [...architectures, ...visionArchitectures, ...multimodalArchitectures].flatMap((each) => each.families);
    assert.deepEqual(running.map(({ id }) => id).sort(), [...new Set([...run, 'clip', 'siglip'])].sort());
  });

  it('each key of a class is computed, known to change nothing, or held to values', () => {
    const unclassified = new Set<string>();
    let seen = 0;
    for (const [type, defaults, aliases] of classes) {
      const keys: RunKeys = { ...baseKeys, ...byType.get(type)?.run };
      for (const key of [...Object.keys(defaults), ...aliases]) {
        seen++;
        if (!Object.hasOwn(keys, key)) unclassified.add(`${type}: ${key}`);
        const treatment = keys[key];
        if (treatment?.kind !== 'nested') continue;
        const inner = defaults[key];
        for (const each of Object.keys(isObject(inner) ? inner : {}))
          if (!Object.hasOwn({ ...baseKeys, ...treatment.keys }, each)) unclassified.add(`${type}: ${key}.${each}`);
      }
    }
    assert.deepEqual([...unclassified], []);
    assert.ok(seen > 300, `${seen} keys`);
  });

  it('what a class fills in is never refused', () => {
    const wrong: string[] = [];
    for (const [type, defaults] of classes) {
      const run = byType.get(type)?.run ?? {};
      for (const [key, value] of Object.entries(defaults)) {
        const treatment = run[key];
        if (treatment?.kind !== 'only' && treatment?.kind !== 'each') continue;
        const items: readonly unknown[] = treatment.kind === 'each' && Array.isArray(value) ? value : [value];
        if (!items.every((item) => treatment.values.some((one) => same(one, item)))) wrong.push(`${type}: ${key}`);
      }
    }
    // PaliGemma's text model is a Gemma whose prompt is read in both directions, as its whole says.
    const known = ['gemma: use_bidirectional_attention'];
    assert.deepEqual(
      wrong.filter((name) => !known.includes(name)),
      [],
    );
  });

  // Many comparisons are with checkpoints of the references: without these nothing can be said of the whole.
  if (referenceModels.length > 0)
    it('each key that is computed is compared with a second computation at a value that is not the default', () => {
      const compared = [
        ...[
          ...tinyModels,
          ...tinyVariants,
          ...tinyRotaryBerts,
          ...tinyNemotronH,
          ...tinyGemma4,
          tinyGemma3n,
          tinyMimoV2,
          ...tinyMiniMaxM3,
          ...tinyGla,
          ...tinyMosaic,
          ...tinyRwkv6,
          ...tinyTextTowers,
          ...(['switch_transformers', 'fsmt', 'bigbird_pegasus'] as const).map((family) => tinyEncoderDecoder(family)),
          ...singleTileVlms,
          ...splitVlms,
          tinyLlava({ next: true }),
        ],
        ...[...Object.values(towers), tinyPair('clip'), tinyPair('siglip'), ...referenceModels],
      ]
        .map(({ config }): Config => config)
        .concat(variantConfigs);
      const all = compared
        .flatMap((config) => [config, config['text_config'], config['lm_config'], config['vision_config']])
        .filter(isObject);
      const missing: string[] = [];
      const differs =
        (family: (typeof running)[number], key: string) =>
        (config: Config): boolean => {
          const type = String(config['model_type']);
          const usual = classDefaults?.[type]?.defaults[key] ?? defaultsOf(family, type)?.values[key];
          const value = config[key] ?? null;
          return value !== null && !same(value, usual);
        };
      const typed = (types: readonly string[]) => all.filter((config) => types.includes(String(config['model_type'])));
      // Decoders are made from their rows by one code: a key that several of them have is compared once.
      const decoders = running.filter(
        (family) => (family.kind === 'stack' ? family.stack : family.decoder) !== undefined,
      );
      const comparedOnce = (key: string): boolean =>
        decoders.some(
          (family) => family.run?.[key]?.kind === 'honoured' && typed(family.modelTypes).some(differs(family, key)),
        );
      // X-EcoMLA is a llama in the same code; its own keys are compared in x-ecomla.test.ts.
      for (const family of running.filter(({ id }) => id !== 'x_ecomla')) {
        const { id, run, modelTypes } = family;
        // LLaVA-NeXT is LLaVA over tiles: one code reads the keys of both. The whole of CogVLM2 has those of its text.
        const whole = { llava_next: ['llava'], cogvlm2_text: ['cogvlm2'] }[id] ?? [];
        const types = id === 'idefics3' ? ['idefics3', 'smolvlm'] : [...modelTypes, ...whole];
        const own = typed(types);
        for (const [key, { kind }] of Object.entries(run ?? {})) {
          if (kind !== 'honoured' || elsewhere.has(key)) continue;
          if (own.some(differs(family, key)) || (decoders.includes(family) && comparedOnce(key))) continue;
          missing.push(`${id}: ${key}`);
        }
      }
      assert.deepEqual(missing, []);
    });

  it('gives a reason for each key that changes nothing', () => {
    for (const { id, run } of running)
      for (const [key, treatment] of Object.entries(run ?? {}))
        if (treatment.kind === 'idle') assert.match(treatment.why, /\w+ \w+/, `${id}: ${key}`);
  });

  for (const family of running.filter(({ kind }) => kind === 'stack')) {
    const [type = ''] = family.modelTypes;
    // The class of GLM-4.5 by itself would rotate half of 42 numbers, and that of Qwen3-Omni 73, which is odd.
    const more = {
      ...(['glm4_moe', 'qwen3_omni_moe_text'].includes(type) ? { head_dim: 128 } : {}),
    };
    // Code of a repository gives no sizes.
    const layers = { exaone: 'num_layers', telechat: 'n_layer', openelm: 'num_transformer_layers' }[type];
    const width = type === 'openelm' ? 'model_dim' : 'hidden_size';
    const heads = type === 'openelm' ? { num_query_heads: [4, 4], num_kv_heads: [4, 4], head_dim: 16 } : {};
    const sizes = {
      ...{ [width]: 64, num_attention_heads: 4, intermediate_size: 96, vocab_size: 99 },
      ...{ [layers ?? 'num_hidden_layers']: 2, ffn_multipliers: 1, n_head: 4, ...heads },
    };
    const own = defaultsOf(family, type);
    const given = /^\((remote code|CogVLM2)\)/.test(own?.from ?? '') ? sizes : {};
    const defaults = { ...own?.values, ...more, ...given, model_type: type };
    it(`${family.id}: refuses by name what it is held to, and nothing else`, () => {
      assert.equal(runnable(describeModel(defaults)), true);
      for (const [key, treatment] of Object.entries({ ...baseKeys, ...family.run })) {
        const refuses = treatment.kind === 'only' || treatment.kind === 'each';
        if (!refuses) continue;
        // Nothing that any class computes.
        const value = key === 'layer_types' ? ['mamba'] : typeof treatment.values[0] === 'number' ? 0.125 : 'planted';
        const model = describeModel({ ...defaults, [key]: value });
        assert.ok(
          model.departures.some(({ message }) => message.startsWith(`${key} is `)),
          `${key}: ${JSON.stringify(model.departures)}`,
        );
        assert.equal(typeof runnable(model), 'string', key);
      }
    });
  }
});

describe('models that would silently be others', () => {
  const llama = { model_type: 'llama', hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, vocab_size: 99 };
  const verdict = (config: object): true | string => runnable(describeModel(config));

  for (const [what, config, sentence] of [
    [
      'cross-attention of BERT',
      { model_type: 'bert', is_decoder: true, add_cross_attention: true },
      /^add_cross_attention is true, and Headscope computes BERT where it is false\. Choose /,
    ],
    [
      'relative positions of BERT',
      { model_type: 'bert', position_embedding_type: 'relative_key' },
      /^position_embedding_type is "relative_key", and /,
    ],
    ['cross-attention of GPT-2', { model_type: 'gpt2', add_cross_attention: true }, /^add_cross_attention is true, /],
    [
      'a Gemma 2 that reads in both directions',
      { model_type: 'gemma2', use_bidirectional_attention: true },
      /^use_bidirectional_attention is true, and Headscope computes Gemma 2 where it is false\./,
    ],
    ['a Llama that reads in both directions', { ...llama, is_causal: false }, /^is_causal is false, and /],
    ['a Llama with windows', { ...llama, sliding_window: 16 }, /^sliding_window is 16, and .* where it is unset\./],
    [
      'heads taken out',
      { model_type: 'gpt2', pruned_heads: { '0': [1] } },
      /^pruned_heads is an object, and .* where it is empty\./,
    ],
    ['factors of Granite on a Llama', { ...llama, residual_multiplier: 0.22 }, /^residual_multiplier is 0\.22, and /],
    [
      'a class of a repository',
      { ...llama, architectures: ['LlamaBiForMNTP'], auto_map: { AutoModel: 'modeling.LlamaBiForMNTP' } },
      /^LlamaBiForMNTP is a class of the repository's own, /,
    ],
    [
      'code of a repository that may read what the class does not',
      { ...llama, auto_map: { AutoModel: 'modeling.LlamaModel' }, attn_logit_softcapping: 30 },
      /^attn_logit_softcapping is 30, and LlamaConfig has no such key, /,
    ],
    [
      'a width of heads that the class does not read',
      { model_type: 'codegen', n_embd: 64, n_head: 4, n_layer: 2, rotary_dim: 8, head_dim: 8 },
      /^head_dim is 8, but CodeGenConfig divides 64 numbers among 4 heads, 16 for each\. Make the two equal\.$/,
    ],
    [
      'norms of RWKV, whose last one has an epsilon of its own',
      { model_type: 'rwkv', hidden_size: 64, num_hidden_layers: 2, layer_norm_epsilon: 1e-6 },
      /^layer_norm_epsilon is 0\.000001, and Headscope computes RWKV-4 where it is 0\.00001\./,
    ],
    ['an activation', { ...llama, hidden_act: 'leaky_relu' }, /^hidden_act is "leaky_relu", and /],
    [
      'a part of each head',
      { ...llama, rope_parameters: { rope_type: 'default', rope_theta: 10000, partial_rotary_factor: 0.5 } },
      /^The config rotates 8 of the 16 numbers of a head, and LlamaConfig rotates all of them\./,
    ],
    [
      'a rotary form without a formula',
      { ...llama, rope_scaling: { rope_type: 'spiral', factor: 2 } },
      /^Rotary embedding of the form "spiral" is not known\. Correct rope_scaling/,
    ],
    [
      'the text model of a whole',
      { model_type: 'llava', text_config: { ...llama, is_causal: false }, vision_config: {} },
      /^text_config\.is_causal is false, and /,
    ],
    [
      'a PaliGemma whose prompt is causal',
      { model_type: 'paligemma', text_config: { model_type: 'gemma', use_bidirectional_attention: false } },
      /^text_config\.use_bidirectional_attention is false, and /,
    ],
    [
      'parts of a CLIP that are given twice',
      { model_type: 'clip', text_config: { hidden_size: 512 }, text_config_dict: { hidden_size: 768 } },
      /^text_config_dict\.hidden_size is 768, and text_config says otherwise, /,
    ],
  ] as const) {
    it(what, () => {
      assert.match(String(verdict(config)), sentence);
    });
  }

  it('a key that the class does not have is not read either', () => {
    const stray = { ...llama, n_embd: 32, kv_channels: 8, attn_logit_softcapping: 30, num_kv_shared_layers: 1 };
    assert.equal(verdict(stray), true);
    const [part] = describeModel(stray).parts;
    assert.equal(part?.headDim, 16);
    assert.equal(part?.softcap, undefined);
    assert.equal(part?.layers[1]?.attention.sharesKvOf, undefined);
  });

  it('what says nothing else is no reason', () => {
    for (const config of [
      { ...llama, sliding_window: null, layer_types: ['full_attention', 'full_attention'], partial_rotary_factor: 1 },
      {
        ...llama,
        auto_map: { AutoModelForCausalLM: 'modeling.LlamaForCausalLM' },
        architectures: ['LlamaForCausalLM'],
      },
      { model_type: 'bert', is_decoder: true, add_cross_attention: false, position_embedding_type: 'absolute' },
      { model_type: 'gemma', use_bidirectional_attention: null, hidden_act: 'gelu' },
      {
        ...{ model_type: 'codegen', n_embd: 64, n_head: 4, n_layer: 2, rotary_dim: 8, head_dim: 16 },
        ...{ architectures: ['CodeGenForCausalLM'], auto_map: { AutoModel: 'modeling_codegen.CodeGenModel' } },
      },
      { model_type: 'paligemma', text_config: { model_type: 'gemma', use_bidirectional_attention: true } },
      { model_type: 'clip', text_config: { hidden_size: 768 }, text_config_dict: { hidden_size: 768 } },
    ])
      assert.equal(verdict(config), true, JSON.stringify(config));
  });
});
