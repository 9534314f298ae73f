/** Dictionaries of features: each kind against numbers worked by hand, and what is refused. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dictionaryAt, dictionaryStamp } from '../../../compute-server/dictionaries/dictionary-file';
import { encode, featureForm, type Dictionary } from '../../../models/dictionaries/dictionary';
import { hookOf } from '../../../models/dictionaries/hook';
import { readDictionary } from '../../../models/dictionaries/read-dictionary';
import { scatteredTensors, writeDictionary, type WrittenTensors } from '../../support/dictionaries';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { npzBytes } from '../../support/npz-file';

async function refused(act: () => Promise<unknown>, words: RegExp): Promise<void> {
  await assert.rejects(act, (error) => {
    assert.ok(error instanceof FailureError, String(error));
    assert.match(sentenceOf(error.failure), words);
    return true;
  });
}

const tensor = (shape: readonly number[], ...data: number[]) => ({ shape, data: Float32Array.from(data) });

/**
 * Two inputs, three features. With x = (3, 1) and b_dec = (1, -1), u = (2, 2); u W_enc = (2, 4, -2), where
 * W_enc = [[1, 0, -2], [0, 2, 1]].
 */
const encoder = tensor([2, 3], 1, 0, -2, 0, 2, 1);
const decoder = tensor([3, 2], 1, 0, 0, 1, 3, 4);
const base: WrittenTensors = {
  W_enc: encoder,
  W_dec: decoder,
  b_enc: tensor([3], 1, -1, 5),
  b_dec: tensor([2], 1, -1),
};
const x = [3, 1];

const opened = (settings: object, tensors: WrittenTensors): Dictionary | string =>
  readDictionary(
    { hook_name: 'blocks.0.hook_resid_post', ...settings },
    { names: Object.keys(tensors), tensor: (name) => tensors[name] },
  );

function read(settings: object, tensors: WrittenTensors): Dictionary {
  const dictionary = opened(settings, tensors);
  assert.ok(typeof dictionary !== 'string', JSON.stringify(dictionary));
  return dictionary;
}

const found = (dictionary: Dictionary, input: readonly number[] = x) => {
  const { active, decode } = encode(dictionary, input);
  return { indices: active.indices, values: active.values, y: [...decode()] };
};

const near = (values: readonly number[], expected: readonly number[]): void => {
  assert.equal(values.length, expected.length);
  values.forEach((value, at) =>
    assert.ok(Math.abs(value - (expected[at] ?? NaN)) < 1e-6, `${values.join()} and ${expected.join()}`),
  );
};

/** z = (2, 4, -2) + (1, -1, 5) = (3, 3, 3) of a dictionary that subtracts b_dec. */
describe('dictionaries by hand', () => {
  it('ReLU: f = (3, 3, 3), y = (3 + 9 + 1, 3 + 12 - 1)', () => {
    const own = found(read({ architecture: 'standard' }, base));
    assert.deepEqual(own, { indices: [0, 1, 2], values: [3, 3, 3], y: [13, 14] });
  });

  it('without b_dec at the encoder z = x W_enc + b_enc = (4, 1, 0), and the zero is not active', () => {
    const own = found(read({ apply_b_dec_to_input: false }, base));
    assert.deepEqual(own, { indices: [0, 1], values: [4, 1], y: [5, 0] });
  });

  it('JumpReLU keeps what is above its threshold, and the whole of it', () => {
    const threshold = tensor([3], 2.9, 3, 3.5);
    const own = found(read({ architecture: 'jumprelu' }, { ...base, threshold }));
    assert.deepEqual(own, { indices: [0], values: [3], y: [4, -1] });
  });

  it('BatchTopK is JumpReLU with one threshold', () => {
    const b_enc = tensor([3], 1, 0, 5);
    const own = found(read({ architecture: 'batchtopk' }, { ...base, b_enc, topk_threshold: tensor([], 3.5) }));
    assert.deepEqual(own, { indices: [1], values: [4], y: [1, 3] });
  });

  it('TopK keeps the k largest, of equal ones the first, and none below 0', () => {
    const two = found(read({ architecture: 'topk', k: 2 }, base));
    assert.deepEqual(
      [two.indices, two.values],
      [
        [0, 1],
        [3, 3],
      ],
    );
    const b_enc = tensor([3], 1, -9, -9);
    const three = found(
      read({ architecture: 'standard', activation_fn: 'topk', activation_fn_kwargs: { k: 2 } }, { ...base, b_enc }),
    );
    assert.deepEqual([three.indices, three.values], [[0], [3]]);
  });

  it('TopK that counts in lengths of W_dec: f times (1, 1, 5) before the choice, and y is that of f', () => {
    const own = found(read({ architecture: 'topk', k: 1, rescale_acts_by_decoder_norm: true }, base));
    assert.deepEqual([own.indices, own.values], [[2], [15]]);
    near(own.y, [10, 11]);
  });

  it('gated: open where u W_enc + b_gate > 0, with e^r u W_enc + b_mag', () => {
    const { b_enc: _, ...rest } = base;
    const gated = {
      ...rest,
      r_mag: tensor([3], Math.log(2), 0, 0),
      b_gate: tensor([3], -1, -5, 3),
      b_mag: tensor([3], 0.5, 9, 9),
    };
    const own = found(read({ architecture: 'gated' }, gated));
    // u W_enc + b_gate = (1, -1, 1); magnitudes 2 * 2 + 0.5, -, -2 + 9.
    assert.deepEqual(own.indices, [0, 2]);
    near(own.values, [4.5, 7]);
    near(own.y, [4.5 + 21 + 1, 28 - 1]);
  });

  it('scales: constant norm by √2 / |x|, layer norm by mean 2 and sd √2, and both undone', () => {
    const identity = {
      W_enc: tensor([2, 4], 1, 0, -1, 0, 0, 1, 0, -1),
      W_dec: tensor([4, 2], 1, 0, 0, 1, -1, 0, 0, -1),
      b_enc: tensor([4], 0, 0, 0, 0),
      b_dec: tensor([2], 0, 0),
    };
    const constant = found(read({ normalize_activations: 'constant_norm_rescale' }, identity));
    near(constant.values, [3 / Math.sqrt(5), 1 / Math.sqrt(5)]);
    near(constant.y, x);
    const layer = found(read({ normalize_activations: 'layer_norm' }, identity));
    near(layer.values, [1 / (Math.SQRT2 + 1e-5), 1 / (Math.SQRT2 + 1e-5)]);
    assert.deepEqual(layer.indices, [0, 3]);
    assert.ok(Math.hypot((layer.y[0] ?? 0) - 3, (layer.y[1] ?? 0) - 1) < 1e-4);
    const centred = found(read({ model_from_pretrained_kwargs: { center_writing_weights: true } }, identity));
    assert.deepEqual(
      [centred.values, centred.y],
      [
        [1, 1],
        [1, -1],
      ],
    );
  });

  it('transcoders subtract nothing, write elsewhere, and may add W_skip x', () => {
    const settings = {
      architecture: 'skip_transcoder',
      hook_name: 'blocks.0.hook_mlp_in',
      hook_name_out: 'blocks.0.hook_mlp_out',
    };
    // f = (4, 1, 0), W_skip x = (3, 2, 4).
    const own = read(settings, {
      ...base,
      W_dec: tensor([3, 3], 1, 0, 0, 0, 1, 0, 9, 9, 9),
      b_dec: tensor([3], 0, 0, 1),
      W_skip: tensor([3, 2], 1, 0, 0, 2, 1, 1),
    });
    assert.deepEqual(found(own).y, [7, 3, 5]);
    const affine = read(settings, {
      ...base,
      W_dec: tensor([3, 3], 1, 0, 0, 0, 1, 0, 9, 9, 9),
      b_dec: tensor([3], 0, 0, 1),
      affine_skip_connection: tensor([2, 3], 1, 0, 1, 0, 2, 1),
    });
    assert.deepEqual(found(affine).y, [7, 3, 5]);
    assert.deepEqual([own.reads.part, own.writes.part], ['stream-mid', 'network-out']);
  });

  it('one feature as numbers on x is what the whole dictionary gives', () => {
    const threshold = tensor([3], 2.9, 3, 2);
    const { b_enc: _, ...rest } = base;
    const gate = { r_mag: tensor([3], 0.3, -0.2, 0.1), b_gate: tensor([3], -1, 1, 3), b_mag: tensor([3], 0.5, 2, 9) };
    const centred = { model_from_pretrained_kwargs: { center_writing_weights: true } };
    for (const dictionary of [
      read({}, base),
      read({ architecture: 'jumprelu', ...centred }, { ...base, threshold }),
      read({ architecture: 'gated' }, { ...rest, ...gate }),
    ]) {
      for (const input of [x, [-2, 5], [0.3, 0.1], [4, -4]]) {
        const { indices, values } = found(dictionary, input);
        for (const feature of [0, 1, 2]) {
          const form = featureForm(dictionary, feature);
          const p = form.read.reduce((sum, value, at) => sum + value * (input[at] ?? NaN), 0);
          const value = p + form.gate > 0 ? Math.max(0, form.gain * p + form.bias) : 0;
          near([value], [values[indices.indexOf(feature)] ?? 0]);
        }
      }
    }
  });
});

describe('places of dictionaries', () => {
  it('are named as TransformerLens names them, or as blocks of transformers', () => {
    const part = (name: string) => {
      const hook = hookOf(name);
      return typeof hook === 'string' ? hook : [hook.layer, hook.part];
    };
    assert.deepEqual(part('blocks.12.hook_resid_pre'), [12, 'stream-in']);
    assert.deepEqual(part('blocks.3.attn.hook_z'), [3, 'heads']);
    assert.deepEqual(part('model.layers.7'), [7, 'stream-out']);
    assert.deepEqual(part('transformer.h.2'), [2, 'stream-out']);
    // As Gemma Scope 2 names them.
    assert.deepEqual(part('model.layers.17.output'), [17, 'stream-out']);
    assert.deepEqual(part('model.layers.11.self_attn.o_proj.input'), [11, 'heads']);
    assert.deepEqual(part('model.layers.5.pre_feedforward_layernorm.output'), [5, 'network-normed']);
    assert.deepEqual(part('model.language_model.layers.5.post_feedforward_layernorm.output'), [5, 'network-out']);
    assert.match(String(part('model.layers.5.self_attn.q_proj.output')), /model\.layers\.L\.self_attn\.o_proj\.input/u);
    assert.match(String(part('blocks.3.hook_q')), /is no place that is known\. Known are blocks\.L\.hook_resid_pre/u);
    assert.match(String(part('blocks.3.constructor')), /is no place/u);
  });
});

describe('faults of dictionaries', () => {
  const fault = (settings: object, tensors: WrittenTensors, expected: RegExp) => {
    const result = opened(settings, tensors);
    assert.ok(typeof result === 'string', `no fault where ${expected} is expected`);
    assert.match(result, expected);
  };

  it('missing and wrong tensors, unknown settings and NaN are told with what is known', () => {
    const { b_enc: _, ...withoutBias } = base;
    fault({}, withoutBias, /no b_enc, which a relu dictionary has\. It holds W_enc, W_dec, b_dec/u);
    fault({ architecture: 'jumprelu' }, base, /no threshold, which a jumprelu/u);
    fault({ architecture: 'gated' }, base, /no r_mag/u);
    fault({}, { ...base, b_enc: tensor([2], 1, 2) }, /b_enc is \[2\] and should be \[3\]/u);
    fault({}, { ...base, b_enc: tensor([3], 1, NaN, 2) }, /b_enc holds NaN at 1/u);
    fault({}, { b_enc: tensor([3], 1, 1, 2) }, /There is no W_enc/u);
    fault({ d_in: 768 }, base, /d_in 768, and the tensors have 2/u);
    fault({ architecture: 'crosscoder' }, base, /"crosscoder" is not known\. Known are standard, topk/u);
    fault({ activation_fn: 'tanh-relu' }, base, /activation "tanh-relu".*Known are relu, jumprelu and topk/u);
    fault({ architecture: 'topk' }, base, /keeps 1 to 3 features/u);
    fault({ architecture: 'topk', k: 4 }, base, /k 4/u);
    fault({ hook_name: 'blocks.0.ln_final' }, base, /no place that is known/u);
    fault({ hook_name: undefined }, base, /does not say where/u);
    fault({ hook_head_index: 3 }, base, /head 3 alone/u);
    fault({ normalize_activations: true }, base, /fold_activation_norm_scaling_factor/u);
    fault({ normalize_activations: 'other' }, base, /"other" is not known/u);
    fault({}, { ...base, scaling_factor: tensor([3], 1, 2, 1) }, /scaling_factor is not 1/u);
    fault({}, { ...base, W_dec: tensor([3, 1], 1, 1, 1), b_dec: tensor([1], 0) }, /needs "hook_name_out"/u);
  });
});

describe('files of dictionaries', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-dictionaries-'))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const limit = 1e8;

  it('are a folder of SAELens or its file, also with settings of version 6', async () => {
    const settings = { architecture: 'jumprelu', metadata: { hook_name: 'blocks.1.hook_mlp_out' } };
    writeDictionary(folder, settings, scatteredTensors(4, 5));
    for (const path of [folder, join(folder, 'sae_weights.safetensors')]) {
      const { kind, reads, inputs, features } = await dictionaryAt(path, limit);
      assert.deepEqual([kind, reads.layer, reads.part, inputs, features], ['jumprelu', 1, 'network-out', 4, 5]);
    }
    const before = await dictionaryStamp(folder);
    writeDictionary(folder, settings, scatteredTensors(4, 6));
    assert.notEqual(await dictionaryStamp(folder), before);
    assert.equal((await dictionaryAt(folder, limit)).features, 6);
  });

  it('may be params.npz of gemma-scope with a cfg.json written by hand', async () => {
    writeFileSync(join(folder, 'params.npz'), params);
    await refused(() => dictionaryAt(folder, limit), /no cfg\.json beside params\.npz.*"hook_name"/u);
    writeFileSync(
      join(folder, 'cfg.json'),
      '{"architecture": "jumprelu", "hook_name": "blocks.20.hook_resid_post", "apply_b_dec_to_input": false}',
    );
    const { reads, encoder: weights, subtracts } = await dictionaryAt(folder, limit);
    assert.deepEqual([reads.layer, subtracts], [20, false]);
    assert.deepEqual(weights, scatteredTensors(3, 4)['W_enc']?.data);
  });

  const params = npzBytes(
    Object.fromEntries(
      Object.entries(scatteredTensors(3, 4)).map(([name, own]) => [name.replace('W_', 'w_'), own] as const),
    ),
  );

  it('may be params.npz where folders are named as those of Gemma Scope', async () => {
    const written = (...names: readonly string[]): string => {
      const own = join(folder, ...names);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(own, 'params.npz'), params);
      return own;
    };
    const places = async (...names: readonly string[]) => {
      const { kind, reads, writes, subtracts } = await dictionaryAt(written(...names), limit);
      assert.deepEqual([kind, subtracts], ['jumprelu', false]);
      return [reads.name, writes.name];
    };
    const below = ['width_16k', 'average_l0_82'];
    const same = (name: string) => [name, name];
    assert.deepEqual(await places('gemma-scope-2b-pt-res', 'layer_12', ...below), same('blocks.12.hook_resid_post'));
    const cached = ['models--google--gemma-scope-9b-it-res', 'snapshots', '1a2b', 'layer_20', ...below];
    assert.deepEqual(await places(...cached), same('blocks.20.hook_resid_post'));
    assert.deepEqual(await places('gemma-scope-2b-pt-att', 'layer_0', ...below), same('blocks.0.attn.hook_z'));
    assert.deepEqual(await places('gemma-scope-27b-pt-mlp', 'layer_5', ...below), same('blocks.5.hook_mlp_out'));
    assert.deepEqual(await places('gemma-scope-2b-pt-transcoders', 'layer_3', ...below), [
      'blocks.3.ln2.hook_normalized',
      'blocks.3.hook_mlp_out',
    ]);
    const refuses = (words: RegExp, ...names: readonly string[]) =>
      refused(() => dictionaryAt(written(...names), limit), words);
    await refuses(/"hook_embed" is no place/u, 'gemma-scope-2b-pt-res', 'embedding', ...below);
    await refuses(/blocks\.7\.hook_resid_post.*with its place\. .*gemma-scope-2b-pt-res/u, 'mine', 'layer_7', ...below);
    await refuses(/with its layer and place/u, 'gemma-scope-2b-pt-res', 'mine');
    await refuses(/with its layer and place/u, 'gemma-scope-2b-pt-other', 'mine');
    // What a person wrote beside the file comes first.
    const own = written('gemma-scope-2b-pt-res', 'layer_12', ...below);
    writeFileSync(join(own, 'cfg.json'), '{"architecture": "jumprelu", "hook_name": "blocks.1.hook_mlp_out"}');
    const { reads, subtracts } = await dictionaryAt(own, limit);
    assert.deepEqual([reads.layer, reads.part, subtracts], [1, 'network-out', true]);
  });

  it('may be params.safetensors of Gemma Scope 2 with its config.json', async () => {
    const written = (config: unknown): string => {
      writeDictionary(folder, {}, scatteredTensors(3, 4));
      renameSync(join(folder, 'sae_weights.safetensors'), join(folder, 'params.safetensors'));
      rmSync(join(folder, 'cfg.json'));
      writeFileSync(join(folder, 'examples.safetensors'), '');
      writeFileSync(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
      return folder;
    };
    const config = { architecture: 'jump_relu', width: 4, model_name: 'google/gemma-3-1b-pt', l0: 20 };
    const attention = 'model.layers.11.self_attn.o_proj.input';
    const own = await dictionaryAt(
      written({ ...config, hf_hook_point_in: attention, hf_hook_point_out: attention }),
      limit,
    );
    assert.deepEqual([own.kind, own.reads, own.subtracts], ['jumprelu', own.writes, false]);
    assert.deepEqual([own.reads.layer, own.reads.part], [11, 'heads']);
    const transcoder = await dictionaryAt(
      written({
        ...config,
        hf_hook_point_in: 'model.layers.5.pre_feedforward_layernorm.output',
        hf_hook_point_out: 'model.layers.5.post_feedforward_layernorm.output',
      }),
      limit,
    );
    assert.deepEqual([transcoder.reads.part, transcoder.writes.part], ['network-normed', 'network-out']);
    await refused(
      () => dictionaryAt(written({ model_type: 'gemma3_text' }), limit),
      /no cfg\.json beside params\.safetens/u,
    );
    await refused(() => dictionaryAt(written('{'), limit), /config\.json is not valid JSON/u);
    await refused(() => dictionaryAt(written({ ...config, hf_hook_point_in: 3 }), limit), /does not say where/u);
  });

  it('pickles are not opened, and other faults name the file', async () => {
    writeFileSync(join(folder, 'sae.pt'), 'a pickle');
    await refused(() => dictionaryAt(folder, limit), /sae\.pt is a pickle, which can run code.*save_file/u);
    await refused(() => dictionaryAt(join(folder, 'sae.pt'), limit), /is a pickle/u);
    await refused(() => dictionaryAt(join(folder, 'none'), limit), /cannot be read/u);
    await refused(() => dictionaryAt('', limit), /Name a dictionary/u);
    mkdirSync(join(folder, 'empty'));
    await refused(() => dictionaryAt(join(folder, 'empty'), limit), /no \.safetensors or \.npz/u);
    const two = writeDictionary(join(folder, 'two'), { hook_name: 'blocks.0.hook_resid_post' }, scatteredTensors(2, 3));
    writeFileSync(join(two, 'cfg.json'), '{');
    await refused(() => dictionaryAt(two, limit), /cfg\.json is not valid JSON/u);
    writeFileSync(join(two, 'cfg.json'), '[]');
    await refused(() => dictionaryAt(two, limit), /no JSON object/u);
    writeFileSync(join(two, 'sae_weights.safetensors'), 'short');
    await refused(() => dictionaryAt(two, limit), /gives no dictionary/u);
    rmSync(join(two, 'sae_weights.safetensors'));
    for (const name of ['a.safetensors', 'b.safetensors']) writeFileSync(join(two, name), '');
    await refused(() => dictionaryAt(two, limit), /holds a\.safetensors, b\.safetensors\. Name one/u);
  });
});
