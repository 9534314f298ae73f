/** What a config with a model_type alone describes, against the defaults of the configuration classes of transformers 5.2. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { refreshed, tableFile, textOf, valueAt, type ClassSource } from '../../../../build/class-defaults.mjs';
import { classTable } from '../../../../models/formats/config/class-defaults';
import { namesOfSense, readsOfType } from '../../../../models/formats/config/field-names';
import { describeModel } from '../../../../models/formats/describe-model';
import type { ModelDescription, ModelPart } from '../../../../models/formats/model-description';
import { classSource } from '../../../support/reference/reference-models';
import { typesWithoutFamily } from './types-without-family';

type Values = Readonly<Record<string, unknown>>;
type ConfigClass = Pick<ClassSource['types'][string], 'defaults' | 'aliases'>;

const classes: ReadonlyMap<string, ConfigClass> = new Map(Object.entries(classSource?.types ?? {}));

const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const sizes = [
  'hidden',
  'layers',
  'heads',
  'kvHeads',
  'headDim',
  'vocabulary',
  'context',
  'inner',
  'expert',
  'patch',
  'epsilon',
] as const;
type Size = (typeof sizes)[number];

/** The names of a size in the classes, the usual one first; `?` stands for encoder or decoder where a class has both. */
const names: Readonly<Record<Size, readonly string[]>> = {
  hidden: ['hidden_size', 'd_model', 'n_embd', 'embed_dim', 'dim'],
  layers: ['?_layers', 'num_hidden_layers', 'n_layer', 'num_layers', 'depth'],
  heads: ['?_attention_heads', 'num_attention_heads', 'n_head', 'num_heads'],
  kvHeads: ['num_key_value_heads', 'num_kv_heads'],
  headDim: ['head_dim', 'd_kv', 'attention_head_dim'],
  vocabulary: ['vocab_size'],
  context: ['max_position_embeddings', 'n_positions', 'max_seq_len'],
  inner: ['?_ffn_dim', 'intermediate_size', 'd_ff', 'ffn_dim', 'n_inner', 'hidden_dim'],
  expert: ['moe_intermediate_size'],
  patch: ['patch_size'],
  epsilon: ['rms_norm_eps', 'layer_norm_eps', 'layer_norm_epsilon', 'norm_eps', 'norm_epsilon', 'layernorm_epsilon'],
};

/** What the class says of a size; undefined where it says nothing. */
function inClass({ defaults, aliases }: ConfigClass, size: Size, role: string): number | undefined {
  for (const name of names[size]) {
    const key = name.replace('?', role === 'decoder' ? 'decoder' : 'encoder');
    const value = defaults[key] ?? defaults[aliases[key] ?? ''];
    if (typeof value === 'number') return value;
  }
  return undefined;
}

/** The same, with what classes leave to their other sizes: as many heads of keys as of queries, heads that share the width. */
function expectedOf(own: ConfigClass, size: Size, role: string): number | undefined {
  // Towers have no words; some classes hand the number of the whole to them.
  if (size === 'vocabulary' && role === 'vision') return undefined;
  const said = inClass(own, size, role);
  const heads = inClass(own, 'heads', role);
  const hidden = inClass(own, 'hidden', role);
  if (said !== undefined || heads === undefined || hidden === undefined) return said;
  if (size === 'kvHeads') return heads;
  return size === 'headDim' ? Math.floor(hidden / heads) : undefined;
}

/** Where our description and the class differ on purpose: what is right by the code of the model, and why. */
const differs: Readonly<Record<string, readonly [right: number | undefined, why: string]>> = {
  'blip-2 qformer_config context': [32, 'it reads its 32 learned queries'],
  'instructblip qformer_config context': [32, 'it reads its 32 learned queries'],
  'clap audio_config layers': [12, 'stages of 2, 2, 6 and 2; the class counts stages'],
  'donut-swin layers': [12, 'stages of 2, 2, 6 and 2; the class counts stages'],
  'swin layers': [12, 'stages of 2, 2, 6 and 2; the class counts stages'],
  'swinv2 layers': [12, 'stages of 2, 2, 6 and 2; the class counts stages'],
  'convnext patch': [undefined, 'the stride of its first convolution; it has no patches'],
  'convnextv2 patch': [undefined, 'the stride of its first convolution; it has no patches'],
  'moshi inner': [11264, 'half of ffn_dim: gate and up are one map'],
  'deepseek_v2 headDim': [192, '128 without position and 64 with; head_dim is the latter'],
  'deepseek_v3 headDim': [192, '128 without position and 64 with; head_dim is the latter'],
  'glm4_moe_lite headDim': [256, '192 without position and 64 with; head_dim is the latter'],
  'glm_moe_dsa headDim': [256, '192 without position and 64 with; head_dim is the latter'],
  'longcat_flash headDim': [192, '128 without position and 64 with; head_dim is the latter'],
  'youtu headDim': [192, '128 without position and 64 with; head_dim is the latter'],
  'efficientnet layers': [
    55,
    'blocks of version b7, repeated 2, 4, 4, 6, 6, 8 and 2 times at a depth of 3.1, rounded up',
  ],
  'falcon kvHeads': [1, 'multi_query holds by default'],
  'mamba2 heads': [0, 'heads of a state space, not of attention'],
  'mamba2 kvHeads': [0, 'heads of a state space, not of attention'],
  'mamba2 headDim': [0, 'heads of a state space, not of attention'],
  'florence2 vision_config context': [undefined, 'a table of 50 rows and 50 columns, which is no length'],
  'glm4v vision_config inner': [4096, 'its layers take out_hidden_size; intermediate_size belongs to the merger'],
  'glm4v_vision inner': [4096, 'its layers take out_hidden_size; intermediate_size belongs to the merger'],
  'lfm2 inner': [8192, 'block_auto_adjust_ff_dim: two thirds, in steps of 256'],
  'lfm2_vl text_config inner': [8192, 'block_auto_adjust_ff_dim: two thirds, in steps of 256'],
  'mllama vision_config layers': [40, '32 and the 8 of num_global_layers'],
  'qwen2_vl vision_config hidden': [1280, 'embed_dim; hidden_size is the width it is merged to'],
  'qwen2_vl vision_config headDim': [80, 'embed_dim / 16'],
  'mobilebert headDim': [32, 'of the narrow stream, intra_bottleneck_size'],
  'recurrent_gemma inner': [3840, 'half of it is the gate'],
  'reformer headDim': [64, 'attention_head_size'],
};

/** Parts of classes that files without the object do not have. */
const partsLeftOut: ReadonlySet<string> = new Set([
  // Files of the text model alone are published under the type of the whole.
  'llama4 vision_config',
  'moshi audio_encoder_config',
  'moshi depth_decoder_config',
  // So are files of the thinker alone.
  'qwen2_5_omni talker_config',
  'qwen2_5_omni token2wav_config.dit_config',
  // No family has these towers yet.
  'ovis2 vision_config',
  'video_llama_3 vision_config',
]);

const isPart = (value: unknown): value is Values =>
  isValues(value) &&
  names.layers.some((name) => ['encoder', 'decoder'].some((half) => value[name.replace('?', half)] !== undefined));

/** Paths of the objects of a class that describe layers, inside one another too. */
function partsOf(values: Values, path: readonly string[] = []): readonly string[] {
  return Object.entries(values).flatMap(([key, value]) =>
    isValues(value) ? [...(isPart(value) ? [[...path, key].join('.')] : []), ...partsOf(value, [...path, key])] : [],
  );
}

/** Where the class has what a part was read from: the text model may lie flat in a file and nested in the class. */
function pathOf({ path, role }: ModelPart, { defaults }: ConfigClass): string {
  return path.length === 0 && role === 'decoder' && isPart(defaults['text_config']) ? 'text_config' : path.join('.');
}

/** The object of a class at a path, with the aliases of the type that it names. */
function classAt(whole: ConfigClass, path: string): ConfigClass | undefined {
  if (path === '') return whole;
  let at: unknown = whole.defaults;
  for (const key of path.split('.')) at = isValues(at) ? at[key] : undefined;
  if (!isValues(at)) return undefined;
  const type = at['model_type'];
  return { defaults: at, aliases: (typeof type === 'string' ? classes.get(type)?.aliases : undefined) ?? {} };
}

const found = (part: ModelPart, size: Size): readonly (number | undefined)[] => {
  const networks = part.layers.map(({ feedForward }) => feedForward);
  const dense = networks.filter(({ kind }) => kind === 'dense');
  const experts = networks.filter(({ kind }) => kind === 'experts');
  const bySize: Readonly<Record<Size, readonly (number | undefined)[]>> = {
    hidden: [part.hiddenSize],
    layers: [part.layers.length],
    heads: [part.heads],
    kvHeads: [part.kvHeads],
    headDim: [part.headDim],
    vocabulary: [part.vocabularySize],
    context: [part.contextLength],
    inner: dense.map(({ size: width }) => width),
    expert: experts.map(({ size: width }) => width),
    patch: part.image === undefined ? [] : [part.image.patch],
    // Networks of convolutions are described without a norm.
    epsilon: part.attention === 'none' ? [] : [part.norm.epsilon],
  };
  return [...new Set(bySize[size])];
};

/** Names that a class takes though neither its keys nor its attribute_map have them: by code of its own, or in releases before. */
const readByCode: ReadonlySet<string> = new Set([
  'bloom n_embed',
  'falcon n_embed',
  'qwen3_5_moe_text intermediate_size',
  'whisper max_position_embeddings',
]);

describe('defaults of the configuration classes', () => {
  if (classSource === undefined) return;
  const source = classSource;
  const { types } = source;
  const said = (path: string, key: string): unknown => {
    try {
      return valueAt(types, path, key);
    } catch {
      return undefined;
    }
  };
  const described = new Map<string, ModelDescription>();
  for (const type of classes.keys()) {
    const model = describeModel({ model_type: type });
    if (model.family !== 'generic') described.set(type, model);
  }

  it(`${classes.size} types: those without a family are the ones listed`, () => {
    assert.deepEqual(
      [...classes.keys()].filter((type) => !described.has(type)),
      typesWithoutFamily.toSorted(),
    );
  });

  it(`${described.size} types have the sizes of their class`, () => {
    const unlike: string[] = [];
    const used = new Set<string>();
    let compared = 0;
    for (const [type, model] of described) {
      const whole = classes.get(type);
      assert.ok(whole);
      for (const part of model.parts) {
        const path = pathOf(part, whole);
        const own = classAt(whole, path);
        if (own === undefined) {
          unlike.push(`${type} ${path}: the class has no such part`);
          continue;
        }
        for (const size of sizes) {
          const name = [type, path, size].filter((word) => word !== '').join(' ');
          const inTheClass = expectedOf(own, size, part.role);
          const values = found(part, size);
          // Layers of experts have no dense width, and the other way round.
          if (inTheClass === undefined || values.length === 0) continue;
          const exception = Object.hasOwn(differs, name) ? differs[name] : undefined;
          const right = exception === undefined ? inTheClass : exception[0];
          if (right !== inTheClass) used.add(name);
          compared += 1;
          if (!values.every((value) => value === right)) unlike.push(`${name}: ${values.join()} for ${right}`);
        }
      }
    }
    assert.deepEqual(unlike, []);
    assert.deepEqual([...used].toSorted(), Object.keys(differs).toSorted(), 'an exception is not needed');
    assert.ok(compared > 1000, `${compared} sizes compared`);
  });

  it('the output layer is the table of words where the class says so', () => {
    const unlike = [...described].flatMap(([type, { tiedEmbeddings, parts }]) => {
      const { defaults = {} } = classes.get(type) ?? {};
      const tied = defaults['tie_word_embeddings'];
      const reads = parts.length > 0 && parts.every(({ role, path }) => path.length === 0 && /coder$/.test(role));
      return !reads || typeof tied !== 'boolean' || tied === tiedEmbeddings.value ? [] : [type];
    });
    assert.deepEqual(unlike, []);
  });

  it('parts that a class makes are described', () => {
    const left = [...described].flatMap(([type, model]) => {
      const whole = classes.get(type);
      const paths = whole === undefined ? [] : model.parts.map((part) => pathOf(part, whole));
      return partsOf(whole?.defaults ?? {}).flatMap((path) => (paths.includes(path) ? [] : [`${type} ${path}`]));
    });
    assert.deepEqual(left.toSorted(), [...partsLeftOut].toSorted());
  });

  it('the table is what the classes say today', () => {
    assert.equal(readFileSync(tableFile, 'utf8'), textOf(refreshed(classTable, source)));
  });

  it('a value that a family takes from a class is the one that the class has', () => {
    const unlike: string[] = [];
    let compared = 0;
    for (const [type, { at = type, arguments: given = {} }] of Object.entries(classTable.classes)) {
      const { parts, fields } = describeModel({ model_type: type });
      const found = [{ path: [], fields, modelType: undefined }, ...parts];
      for (const { path, fields: own, modelType } of found) {
        const part = classTable.classes[modelType ?? ''];
        for (const [key, { value, source }] of Object.entries(own)) {
          if (source.kind !== 'default' || !source.from.startsWith('transformers 5.2 ')) continue;
          // Some types are parts of a class whose files give them at the top.
          const [whole = ''] = at.split('.');
          const places = [[at, ...path].join('.'), [whole, ...path].join('.'), part?.at ?? modelType ?? ''];
          const right = places.map((place) => said(place, key)).find((each) => each !== undefined);
          if (right === undefined || Object.hasOwn({ ...given, ...part?.arguments }, key)) continue;
          compared += 1;
          if (JSON.stringify(value) !== JSON.stringify(right))
            unlike.push(`${[type, ...path].join('.')} ${key}: ${JSON.stringify(value)} for ${JSON.stringify(right)}`);
        }
      }
    }
    assert.deepEqual(unlike, []);
    assert.ok(compared > 2000, `${compared} values compared`);
  });

  it('an argument is in the table where the class made without arguments says otherwise, or nothing', () => {
    const idle = Object.entries(classTable.classes).flatMap(([type, { at = type, arguments: given = {} }]) =>
      Object.entries(given)
        .filter(([key, value]) => JSON.stringify(valueAt(types, at, key)) === JSON.stringify(value))
        .map(([key]) => `${type} ${key}`),
    );
    assert.deepEqual(idle, []);
  });

  it('the names that a class reads are keys of it, or other names of its keys', () => {
    const unknown = [...readsOfType].flatMap(([type, reads]) => {
      const own = types[type];
      if (own === undefined) return [];
      return Object.values(reads)
        .flat()
        .filter((name) => !Object.hasOwn(own.defaults, name) && !Object.hasOwn(own.aliases, name))
        .map((name) => `${type} ${name}`);
    });
    assert.deepEqual(unknown.toSorted(), [...readByCode].toSorted());
    for (const [type, reads] of readsOfType)
      for (const [sense, names] of Object.entries(reads))
        for (const name of names)
          assert.ok(namesOfSense[sense as keyof typeof namesOfSense].includes(name), `${type} ${name}`);
  });
});
