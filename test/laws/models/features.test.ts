/** Features of a dictionary, changed in a run: against a run whose values are replaced by numbers worked in float64. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunRequest } from '../../../compute-server/model/run/stream/run-request';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { scatteredTensors, writeDictionary } from '../../support/dictionaries';

const { signal } = new AbortController();
const n = ids.length;
const features = 7;

const near = (found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void => {
  assert.equal(found.length, expected.length);
  for (let at = 0; at < found.length; at++) {
    const away = Math.abs(Number(found[at]) - Number(expected[at]));
    assert.ok(away <= tolerance, `${found[at]} and ${expected[at]} at ${at}`);
  }
};

describe('features of a dictionary', () => {
  let folder: string;
  let one: OpenTiny;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-features-'));
    one = await openTiny('llama');
  });
  after(async () => {
    await one.close();
    rmSync(folder, { recursive: true });
  });

  const run = (variants: readonly Variant[], extra: Partial<RunRequest> = {}) =>
    runPrompt(one.model.spec, one.model.sessions, { ids, chunk: n, logits: 'all', variants, ...extra });
  const logitsOf = async (variant: Variant, extra: Partial<RunRequest> = {}) =>
    (await run([variant], extra)).logits?.data as Float32Array;
  const lowered = async (...forms: readonly string[]): Promise<Variant> => {
    const interventions = forms.map((form) => {
      const read = parseDo(form);
      assert.ok(read.ok, form);
      return read.value;
    });
    const { model } = one;
    const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
    const { variants } = await lower(of, [interventions]);
    return variants[0] ?? [];
  };
  const written = (hook: string, width: number, settings: object = {}, tensors = scatteredTensors(width, features)) =>
    writeDictionary(
      join(folder, `${hook} ${JSON.stringify(settings).length}`),
      { architecture: 'jumprelu', hook_name: hook, ...settings },
      tensors,
    );

  interface Way {
    readonly settings: object;
    /** What x is taken to before it is encoded, and what the feature is multiplied with. */
    readonly scaled: (x: readonly number[]) => { readonly read: readonly number[]; readonly size: number };
    /** At most so many features are active. */
    readonly k?: number;
  }
  const plainly = (x: readonly number[]) => ({ read: x, size: 1 });
  const meanOf = (x: readonly number[]): number => x.reduce((sum, value) => sum + value, 0) / x.length;
  const constantNorm = (x: readonly number[]) => {
    const size = Math.hypot(...x) / Math.sqrt(x.length);
    return { read: x.map((value) => value / size), size };
  };
  const layerNorm = (x: readonly number[]) => {
    const mean = meanOf(x);
    const size = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (x.length - 1));
    return { read: x.map((value) => (value - mean) / (size + 1e-5)), size };
  };
  const jump: Way = { settings: {}, scaled: plainly };

  /** x + s ((factor - 1) f + strength) d by the definition, of a dictionary that subtracts b_dec: JumpReLU, or TopK. */
  function changed(
    x: readonly number[],
    feature: number,
    factor: number,
    strength: number,
    { scaled, k } = jump,
  ): number[] {
    const width = x.length;
    const { W_enc, W_dec, b_enc, b_dec, threshold } = scatteredTensors(width, features);
    const { read, size } = scaled(x);
    const z = Array.from({ length: features }, (_, i) =>
      read.reduce(
        (sum, value, at) => sum + (value - b_dec!.data[at]!) * W_enc!.data[at * features + i]!,
        b_enc!.data[i]!,
      ),
    );
    const least = k === undefined ? threshold!.data[feature]! : z.toSorted((a, b) => b - a)[k]!;
    const f = z[feature]! > least ? Math.max(0, z[feature]!) : 0;
    return x.map((value, at) => value + size * ((factor - 1) * f + strength) * W_dec!.data[feature * width + at]!);
  }

  /** Where it is read, which tap that is, and what takes its place. */
  const places: readonly (readonly [
    hook: string,
    layer: number,
    tap: LayerTap,
    target: 'residual' | 'mlp' | 'head',
  ])[] = [
    ['blocks.0.hook_resid_post', 0, 'residual', 'residual'],
    ['blocks.1.hook_resid_pre', 0, 'residual', 'residual'],
    ['blocks.1.hook_mlp_out', 1, 'mlp_output', 'mlp'],
    ['blocks.1.attn.hook_z', 1, 'attention.head_output', 'head'],
  ];

  const topk = { architecture: 'topk', k: 2 };
  const ways: Readonly<Record<string, Way>> = {
    'scaled to a constant norm': {
      settings: { normalize_activations: 'constant_norm_rescale' },
      scaled: constantNorm,
    },
    'scaled to a constant norm and centred': {
      settings: {
        normalize_activations: 'constant_norm_rescale',
        model_from_pretrained_kwargs: { center_writing_weights: true },
      },
      scaled: (x) => constantNorm(x.map((value) => value - meanOf(x))),
    },
    'scaled by a layer norm': { settings: { normalize_activations: 'layer_norm' }, scaled: layerNorm },
    TopK: { settings: topk, scaled: plainly, k: 2 },
    'TopK scaled by a layer norm': {
      settings: { ...topk, normalize_activations: 'layer_norm' },
      scaled: layerNorm,
      k: 2,
    },
  };

  const [stream, , network, headOutputs] = places;
  const tried = [
    ...places.map((place) => [place, '', jump] as const),
    ...Object.entries(ways).map(([name, way]) => [stream!, `, ${name}`, way] as const),
    ...[network!, headOutputs!].map((place) => [place, ', TopK', ways['TopK']!] as const),
  ];
  for (const [[hook, layer, tap, target], named, way] of tried) {
    it(`at ${hook}${named}: the run is that in which the value is replaced by the one worked by hand`, async () => {
      const { heads, headDim, hiddenSize } = {
        ...one.model.spec.blocks[layer]!.attention!,
        hiddenSize: one.model.spec.hiddenSize,
      };
      const width = target === 'head' ? heads * headDim : hiddenSize;
      const path = written(hook, width, way.settings);
      const plain = (await run([[]], { taps: [{ layer, tap }] })).layers[layer]!.taps[tap]!.data as Float32Array;
      const at = (row: number, channel: number): number =>
        target === 'head'
          ? (Math.floor(channel / headDim) * n + row) * headDim + (channel % headDim)
          : row * width + channel;
      let active = 0;
      for (const [feature, factor, strength, positions] of [
        [0, 0, 0],
        [1, -2, 0.7],
        [2, 1, 1.5, [3, 4]],
        [3, 0, 0],
      ] as const) {
        const data = plain.slice();
        for (let row = 0; row < n; row++) {
          if (positions && !(positions as readonly number[]).includes(row)) continue;
          const x = Array.from({ length: width }, (_, channel) => plain[at(row, channel)]!);
          const now = changed(x, feature, factor, strength, way);
          if (now.some((value, channel) => value !== x[channel])) active++;
          now.forEach((value, channel) => (data[at(row, channel)] = value));
        }
        const replaced: Variant =
          target === 'head'
            ? Array.from({ length: heads }, (_, head) => ({
                ...({ kind: 'replacement', layer, target, head } as const),
                data: data.slice(head * n * headDim, (head + 1) * n * headDim),
              }))
            : [{ kind: 'replacement', layer, target, data }];
        const expected = await logitsOf(replaced);
        const place = positions ? '@3-4' : '';
        const variant = await lowered(`feature:${feature}${place}=${factor}+${strength}*file:${path}`);
        for (const chunk of [n, 7]) near(await logitsOf(variant, { chunk }), expected, 2e-4);
        assert.ok(
          strength === 0 ||
            Math.max(...(await logitsOf(variant)).map((value, i) => Math.abs(value - (expected[i] ?? 0)))) < 1e-3,
        );
      }
      assert.ok(active > 10, `only ${active} rows change`);
    });
  }

  it('what attention adds to the stream is changed as what leaves the layer, where nothing reads between them', async () => {
    const width = one.model.spec.hiddenSize;
    const path = written('blocks.1.hook_attn_out', width);
    const variant = await lowered(`feature:1=1+2*file:${path}`);
    const tap = 'attention.output' as const;
    const of = async (list: Variant) =>
      (await run([list], { taps: [{ layer: 1, tap }] })).layers[1]!.taps[tap]!.data as Float32Array;
    const row = scatteredTensors(width, features)['W_dec']!.data.slice(width, 2 * width);
    near(
      await of(variant),
      (await of([])).map((value, at) => value + 2 * row[at % width]!),
      1e-5,
    );
  });

  it('is neutral to the bit with factor 1 and strength 0, and beside a plain run in a batch', async () => {
    const path = written('blocks.0.hook_resid_post', one.model.spec.hiddenSize);
    assert.deepEqual(await lowered(`feature:1=1*file:${path}`), []);
    const variant = await lowered(`feature:1=0.5+1*file:${path}`, `feature:2=0*file:${path}`);
    const both = (await run([[], variant])).logits!.data as Float32Array;
    near(both.subarray(0, both.length / 2), await logitsOf([]), 1e-6);
    near(both.subarray(both.length / 2), await logitsOf(variant), 1e-5);
  });

  it('of equal features of a TopK dictionary the first is active', async () => {
    const width = one.model.spec.hiddenSize;
    const tensors = scatteredTensors(width, features);
    const encoder = tensors['W_enc']!.data.map((value, at, all) => (at % features === 1 ? all[at - 1]! : value));
    const bias = Float32Array.from({ length: features }, (_, i) => (i < 2 ? 100 : -100));
    const path = writeDictionary(
      join(folder, 'equal'),
      { architecture: 'topk', k: 1, hook_name: 'blocks.0.hook_resid_post' },
      { ...tensors, W_enc: { shape: [width, features], data: encoder }, b_enc: { shape: [features], data: bias } },
    );
    const plain = await logitsOf([]);
    near(await logitsOf(await lowered(`feature:1=0*file:${path}`)), plain, 0);
    const first = await logitsOf(await lowered(`feature:0=0*file:${path}`));
    assert.ok(Math.max(...first.map((value, at) => Math.abs(value - plain[at]!))) > 1e-2);
  });

  it('changes generated tokens as the same prompt read at once', async () => {
    const path = written('blocks.0.hook_resid_post', one.model.spec.hiddenSize);
    const heads = written(
      'blocks.1.attn.hook_z',
      one.model.spec.blocks[1]!.attention!.heads * one.model.spec.blocks[1]!.attention!.headDim,
    );
    const scaled = { ...topk, normalize_activations: 'layer_norm' };
    for (const variant of [
      await lowered(`feature:1=-2+1*file:${path}`),
      await lowered(
        `feature:1=-2+1*file:${written('blocks.0.hook_resid_post', one.model.spec.hiddenSize, scaled)}`,
        `feature:0=0*file:${written('blocks.0.hook_resid_post', one.model.spec.hiddenSize, scaled)}`,
      ),
      await lowered(`feature:0=-2+1*file:${heads}`),
    ]) {
      const started = await SequenceRun.start(
        one.model.spec,
        one.model.sessions,
        { ids: ids.slice(0, 12), chunk: 12, variant },
        { signal },
      );
      let { logits } = started;
      for (const id of ids.slice(12)) ({ logits } = await started.extend([id]));
      const whole = await logitsOf(variant);
      near(logits, whole.subarray(whole.length - logits.length), 1e-4);
      const plain = await logitsOf([]);
      assert.ok(
        Math.max(...logits.map((value, at) => Math.abs(value - plain[plain.length - logits.length + at]!))) > 1e-2,
      );
    }
  });

  it('refuses what it cannot follow, with a next step', async () => {
    const width = one.model.spec.hiddenSize;
    const refuses = async (form: string, words: RegExp) =>
      assert.rejects(lowered(form), (error) => {
        assert.ok(error instanceof FailureError, String(error));
        assert.match(sentenceOf(error.failure), words);
        return true;
      });
    const path = written('blocks.0.hook_resid_post', width);
    await refuses(`feature:7=0*file:${path}`, /there is no feature 7: the dictionary has 7/u);
    await refuses(
      `feature:1=0*file:${written('blocks.0.hook_resid_post', width + 1, { a: 1 })}`,
      /takes 33 numbers.*has 32 there/u,
    );
    await refuses(`feature:1=0*file:${written('blocks.9.hook_resid_post', width)}`, /layer 9/u);
    await refuses(
      `feature:1=0*file:${written('blocks.0.hook_resid_pre', width)}`,
      /hook_resid_pre of layer 1 or above/u,
    );
    await refuses(
      `feature:1=0*file:${written('blocks.0.hook_mlp_in', width, { hook_name_out: 'blocks.0.hook_mlp_out' })}`,
      /transcoder from/u,
    );
    const [two, three] = [2, 3].map((k) =>
      writeDictionary(
        join(folder, `topk ${k}`),
        { ...topk, k, hook_name: 'blocks.0.hook_resid_post' },
        scatteredTensors(width, features),
      ),
    );
    await assert.rejects(lowered(`feature:1=0*file:${two}`, `feature:2=0*file:${three}`), (error) => {
      assert.ok(error instanceof FailureError, String(error));
      assert.match(sentenceOf(error.failure), /two TopK dictionaries at one place.*one after the other/u);
      return true;
    });
    const added = await lowered(`feature:1=1+2*file:${two}`);
    near(await logitsOf(added), await logitsOf(await lowered(`feature:1=1+2*file:${path}`)), 1e-6);
    await refuses(`feature:1@3-90=0*file:${path}`, /position 90/u);
    await refuses(`feature:1=0*file:${folder}/nowhere`, /cannot be read/u);
  });
});
