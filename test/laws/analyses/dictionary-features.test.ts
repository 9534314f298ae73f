/** The analysis `dictionary-features` on planted dictionaries: what an identity gives back, and numbers worked from taps by hand. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dictionaryFeatures } from '../../../diagnostics/circuits/dictionary-features/analysis';
import type { FeatureParameters } from '../../../diagnostics/circuits/dictionary-features/parameters';
import type { DictionaryResult } from '../../../diagnostics/circuits/dictionary-features/result';
import type { LayerTap } from '../../../models/instrument/taps';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { scattered, scatteredTensors, writeDictionary, type WrittenTensors } from '../../support/dictionaries';
import { runnerOf } from '../../support/model-jobs';
import { resultFor } from './one-run';

/** f = (max(0, x), max(0, -x)), so that y = x. */
function identity(width: number): WrittenTensors {
  const [encoder, decoder] = [new Float32Array(width * 2 * width), new Float32Array(2 * width * width)];
  for (let at = 0; at < width; at++) {
    for (const [feature, sign] of [
      [at, 1],
      [width + at, -1],
    ] as const) {
      encoder[at * 2 * width + feature] = sign;
      decoder[feature * width + at] = sign;
    }
  }
  return {
    W_enc: { shape: [width, 2 * width], data: encoder },
    W_dec: { shape: [2 * width, width], data: decoder },
    b_enc: { shape: [2 * width], data: new Float32Array(2 * width) },
    b_dec: { shape: [width], data: scattered(width, 9).fill(0) },
  };
}

const near = (found: number, expected: number, tolerance = 1e-5): void =>
  assert.ok(Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${found} and ${expected}`);

describe('dictionary-features', () => {
  let folder: string;
  let one: OpenTiny;
  /** It norms what attention and the network give. */
  let gemma: OpenTiny;
  let width: number;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-dictionary-'));
    [one, gemma] = await Promise.all([openTiny('llama'), openTiny('gemma2')]);
    width = one.model.spec.hiddenSize;
    assert.equal(gemma.model.spec.hiddenSize, width);
  });
  after(async () => {
    await Promise.all([one.close(), gemma.close()]);
    rmSync(folder, { recursive: true });
  });

  let written = 0;
  const dictionary = (hook: string, tensors: WrittenTensors, settings: object = {}): string =>
    writeDictionary(join(folder, String(written++)), { hook_name: hook, ...settings }, tensors);
  const resultOf = (
    path: string,
    parameters: Partial<FeatureParameters> = {},
    { model } = one,
  ): Promise<DictionaryResult> =>
    resultFor(model, dictionaryFeatures, {
      input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
      parameters: { dictionary: path, listed: 1000, ...parameters },
    });
  const rowsOf = async (layer: number, tap: LayerTap, { model } = one): Promise<readonly (readonly number[])[]> => {
    const { layers } = await runnerOf(model).run({ ids, taps: [{ layer, tap }], logits: 'none' });
    const data = layers[layer]?.taps[tap]?.data as Float32Array;
    return ids.map((_, row) => Array.from(data.subarray(row * width, (row + 1) * width)));
  };

  it('an identity gives back everything, at every place', async () => {
    const { heads, headDim } = one.model.spec.blocks[1]!.attention!;
    const sizes: readonly (readonly [string, number])[] = [
      ['blocks.0.hook_resid_pre', width],
      ['blocks.1.hook_resid_mid', width],
      ['blocks.1.hook_mlp_in', width],
      ['blocks.1.ln2.hook_normalized', width],
      ['blocks.1.hook_mlp_out', width],
      ['blocks.1.hook_attn_out', width],
      ['blocks.1.attn.hook_z', heads * headDim],
      ['model.layers.1', width],
    ];
    for (const [hook, size] of sizes) {
      const { explained, positions, meanActive } = await resultOf(dictionary(hook, identity(size)), {
        attribution: false,
      });
      near(explained, 1, 1e-12);
      assert.ok(positions.every(({ error }) => error === 0));
      near(meanActive, size, 1e-12);
    }
  });

  it('attribution of an identity is the gradient times the stream, summed over tokens', async () => {
    const { features, target, row } = await resultOf(dictionary('blocks.0.hook_resid_post', identity(width)));
    assert.ok(target);
    const model = runnerOf(one.model);
    const { layers } = await model.gradients({
      ids,
      objective: { kind: 'logits', terms: [{ row, token: target.id, weight: 1 }] },
      taps: [{ layer: 0, tap: 'residual' }],
    });
    const gradient = layers[0]?.taps.residual?.data as Float32Array;
    const stream = await rowsOf(0, 'residual');
    const sum = stream.reduce(
      (total, values, at) =>
        total + values.reduce((own, value, channel) => own + value * gradient[at * width + channel]!, 0),
      0,
    );
    near(
      features.reduce((total, { attribution = NaN }) => total + attribution, 0),
      sum,
      1e-4,
    );
    const [answers] = await model.answers({ ids }, [{ row, tokens: [target.id] }], [[]]);
    assert.deepEqual([answers?.[0]?.largest, row], [target.id, ids.length - 1]);
    near(answers?.[0]?.logits[0] ?? NaN, target.logit, 1e-4);
  });

  it('attribution of a scaled identity is that of the plain one, and is linear in the logits', async () => {
    const hook = 'blocks.0.hook_resid_post';
    const path = dictionary(hook, identity(width));
    const byFeature = async (from: string, parameters: Partial<FeatureParameters> = {}) => {
      const { features, target } = await resultOf(from, parameters);
      return { target, of: new Map(features.map(({ feature, attribution = NaN }) => [feature, attribution])) };
    };
    const plain = await byFeature(path);
    assert.ok(plain.target);
    const scaled = await byFeature(
      dictionary(hook, identity(width), { normalize_activations: 'constant_norm_rescale' }),
    );
    assert.equal(scaled.of.size, plain.of.size);
    for (const [feature, value] of plain.of) near(scaled.of.get(feature) ?? NaN, value, 1e-4);
    const against = '#7';
    const answer = `#${(plain.target.id + 11) % 50}`;
    const [first, second, both] = await Promise.all([
      byFeature(path, { answer }),
      byFeature(path, { answer: against }),
      byFeature(path, { answer, against }),
    ]);
    for (const [feature, value] of both.of)
      near(value, (first.of.get(feature) ?? NaN) - (second.of.get(feature) ?? NaN), 1e-4);
    near(both.target?.logit ?? NaN, (first.target?.logit ?? NaN) - (second.target?.logit ?? NaN), 1e-4);
    assert.deepEqual([both.target?.id, both.target?.againstId], [Number(answer.slice(1)), 7]);
    assert.match(
      dictionaryFeatures.finding(await resultOf(path, { answer, against })),
      /the logit of .+ less that of /u,
    );
    const named = await byFeature(path, { answer: `#${plain.target.id}` });
    assert.deepEqual(named.of, plain.of);
  });

  it('a small share of a feature less moves the logit by its attribution', async () => {
    const tensors = scatteredTensors(width, 9);
    const model = runnerOf(one.model);
    for (const settings of [
      { architecture: 'jumprelu' },
      { architecture: 'topk', k: 3, normalize_activations: 'layer_norm' },
    ]) {
      const path = dictionary('blocks.0.hook_resid_post', tensors, settings);
      const { features, target, row } = await resultOf(path);
      const [leading] = features;
      assert.ok(leading && target && leading.attribution);
      const factor = 0.99;
      const { variant } = await model.variant(
        [{ kind: 'feature', feature: leading.feature, factor, strength: 0, source: { from: 'file', path } }],
        { ids },
      );
      const [plain, less] = await model.answers({ ids }, [{ row, tokens: [target.id] }], [[], variant]);
      const moved = (plain?.[0]?.logits[0] ?? NaN) - (less?.[0]?.logits[0] ?? NaN);
      near(moved / (1 - factor), leading.attribution, 0.05);
    }
  });

  it('explained variance, errors and activations are those worked from the stream', async () => {
    const tensors = scatteredTensors(width, 9);
    const path = dictionary('blocks.1.hook_resid_post', tensors, {
      architecture: 'jumprelu',
      apply_b_dec_to_input: false,
    });
    const result = await resultOf(path, { skipFirst: false, attribution: false, perToken: 2 });
    const stream = await rowsOf(1, 'residual');
    const { W_enc, W_dec, b_enc, b_dec, threshold } = tensors;
    const codes = stream.map((x) =>
      Array.from(b_enc!.data, (bias, i) => {
        const z = x.reduce((sum, value, at) => sum + value * W_enc!.data[at * 9 + i]!, bias);
        return z > threshold!.data[i]! ? Math.max(z, 0) : 0;
      }),
    );
    const errors = stream.map((x, row) =>
      x.reduce((sum, value, at) => {
        const y = codes[row]!.reduce((own, f, i) => own + f * W_dec!.data[i * width + at]!, b_dec!.data[at]!);
        return sum + (y - value) ** 2;
      }, 0),
    );
    const centre = stream[0]!.map((_, at) => stream.reduce((sum, x) => sum + x[at]!, 0) / stream.length);
    const spread = stream.reduce(
      (sum, x) => sum + x.reduce((own, value, at) => own + (value - centre[at]!) ** 2, 0),
      0,
    );
    near(result.explained, 1 - errors.reduce((sum, value) => sum + value, 0) / spread);
    result.positions.forEach(({ error, active, top }, row) => {
      near(error, errors[row]! / stream[row]!.reduce((sum, value) => sum + value * value, 0));
      assert.equal(active, codes[row]!.filter((value) => value > 0).length);
      const best = codes[row]!.map((activation, feature) => ({ activation, feature })).sort(
        (a, b) => b.activation - a.activation,
      );
      top.forEach(({ feature }, at) => assert.equal(feature, best[at]?.feature));
    });
    for (const { feature, activations, largest, at } of result.features) {
      activations.forEach((value, row) => near(value, codes[row]![feature]!));
      assert.equal(activations[at], largest);
    }
    assert.ok(result.features.length > 3);
    assert.ok(result.explained < 0);
    assert.match(dictionaryFeatures.finding(result), /, which describe it worse than its mean does\./u);
    assert.match(
      dictionaryFeatures.finding({ ...result, explained: 0.5 }),
      /, which explain 50 % of the variance there\./u,
    );
  });

  it('parts of heads, networks, the embedding and biases add up to what the encoder gives', async () => {
    const tensors = scatteredTensors(width, 9);
    const token = 7;
    const { W_enc, b_enc, b_dec } = tensors;
    const encoded = (x: ArrayLike<number>, feature: number): number =>
      Array.from(x).reduce((sum, value, channel) => sum + value * W_enc!.data[channel * 9 + feature]!, 0);
    const meanOf = (x: readonly number[]): number => x.reduce((sum, value) => sum + value, 0) / x.length;
    const partsOf = async (settings: object, model: OpenTiny) => {
      const path = dictionary('blocks.1.hook_resid_post', tensors, { architecture: 'jumprelu', ...settings });
      const { heads, notes } = await resultOf(path, { token, attribution: false }, model);
      assert.ok(heads && heads.features.length > 0, notes.join(' '));
      return heads;
    };
    for (const [settings, model] of [
      [{}, one],
      [{}, gemma],
      [{ normalize_activations: 'layer_norm' }, one],
    ] as const) {
      const found = await partsOf(settings, model);
      const isScaled = 'normalize_activations' in settings;
      const others = await Promise.all([
        rowsOf(0, 'residual.input', model),
        rowsOf(0, 'mlp_output', model),
        rowsOf(1, 'mlp_output', model),
      ]);
      const x = (await rowsOf(1, 'residual', model))[token]!;
      const deviation = Math.sqrt(x.reduce((sum, value) => sum + (value - meanOf(x)) ** 2, 0) / (width - 1));
      const centred = (row: readonly number[]): readonly number[] =>
        isScaled ? row.map((value) => (value - meanOf(row)) / (deviation + 1e-5)) : row;
      found.features.forEach(({ feature, activation }, at) => {
        const rest = others.reduce(
          (sum, rows) => sum + encoded(centred(rows[token]!), feature),
          b_enc!.data[feature]! - encoded(b_dec!.data, feature),
        );
        const sum = found.parts[at]!.flat().reduce((total, part) => total + part, rest);
        near(sum, activation, 1e-4);
        assert.ok(found.parts[at]!.flat().some((part) => Math.abs(part) > 1e-2));
      });
    }
    const heads = await partsOf({}, one);
    const { layer, head, feature, part } = heads.strongest[0]!;
    assert.equal(part, heads.parts[heads.features.findIndex((own) => own.feature === feature)]?.[layer]?.[head]);
    const { heads: count, headDim } = one.model.spec.blocks[1]!.attention!;
    const ofOutputs = await resultOf(dictionary('blocks.1.attn.hook_z', identity(count * headDim)), {
      attribution: false,
    });
    ofOutputs.heads?.features.forEach(({ feature: channel, activation }, at) => {
      const own = Math.floor((channel % (count * headDim)) / headDim);
      ofOutputs.heads?.parts[at]?.[1]?.forEach((value, index) => near(value, index === own ? activation : 0));
      assert.ok(ofOutputs.heads?.parts[at]?.[0]?.every(Number.isNaN));
    });
  });

  it('reads the module of transformers that gives the network its input, with the gain of its norm', async () => {
    const hook = 'model.layers.1.pre_feedforward_layernorm.output';
    const plain = await resultOf(dictionary('blocks.1.ln2.hook_normalized', identity(width)), {}, gemma);
    const gained = await resultOf(dictionary(hook, identity(width)), { attribution: false, listed: 1000 }, gemma);
    // Gemma stores gains less one.
    const gain = gemma.parameters.vector('model.layers.1.pre_feedforward_layernorm.weight');
    const at = ({ features }: DictionaryResult, feature: number) =>
      features.find((own) => own.feature === feature)?.activations ?? [];
    for (let channel = 0; channel < width; channel++) {
      const factor = 1 + gain[channel]!;
      at(gained, channel).forEach((value, row) => near(value, factor * (at(plain, channel)[row] ?? NaN), 1e-5));
    }
    near(gained.explained, 1, 1e-12);
  });

  it('transcoders are held against what they write, and say what is left out', async () => {
    const settings = { architecture: 'jumprelu_transcoder', hook_name_out: 'blocks.1.hook_mlp_out' };
    const path = dictionary('blocks.1.ln2.hook_normalized', scatteredTensors(width, 9), settings);
    const { positions, notes, target } = await resultOf(path);
    assert.equal(positions.length, ids.length);
    assert.ok(target);
    assert.deepEqual(notes, ['Heads are left out: a norm stands between them and what the dictionary reads.']);
    const behind = dictionary('blocks.1.ln2.hook_normalized', identity(width));
    const { notes: both } = await resultOf(behind);
    assert.match(both.join(' '), /Heads are left out: a norm.*Attribution is left out: .* behind a norm/u);
  });

  it('refuses dictionaries of another width, layer or model, and tokens that are not there', async () => {
    const refuses = async (path: string, words: RegExp, parameters: Partial<FeatureParameters> = {}) =>
      assert.rejects(resultOf(path, parameters), (error) => {
        assert.ok(error instanceof FailureError, String(error));
        assert.match(sentenceOf(error.failure), words);
        return true;
      });
    await refuses(
      dictionary('blocks.0.hook_resid_post', identity(width + 2)),
      /takes 34 numbers at blocks\.0\.hook_resid_post.*has 32 there\. Choose/u,
    );
    await refuses(dictionary('blocks.7.hook_resid_post', identity(width)), /has 2 layers, from 0/u);
    await refuses(dictionary('blocks.0.hook_resid_post', identity(width)), /no token 99/u, { token: 99 });
    await refuses('', /Name a dictionary/u);
    const own = dictionary('blocks.0.hook_resid_post', identity(width));
    await refuses(own, /no token #9999: the vocabulary has/u, { answer: '#9999' });
    await refuses(own, /The two tokens of the attribution are the same.*"against"/u, { answer: '#5', against: '#5' });
  });
});
