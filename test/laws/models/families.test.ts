import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerDirectPaths } from '../../../compute-server/runner/direct-paths';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runnable, specifyModel } from '../../../models/architectures/catalogue';
import { specifyDecoder } from '../../../models/architectures/decoder/decoder';
import { ConfigReader } from '../../../models/formats/config/config-reader';
import { decoderFamily } from '../../../models/formats/families/shared/decoder-family';
import { amount } from '../../../models/formats/families/shared/family';
import { honoured, llamaLikeKeys } from '../../../models/formats/families/shared/run-keys';
import { describeModel } from '../../../models/formats/describe-model';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { LayerTap } from '../../../models/instrument/taps';
import {
  tinyModel,
  tinyModels,
  tinyTensors,
  writeTinyModel,
  type TinyModel,
} from '../../support/checkpoints/tiny-models';
import { tinyRotaryBerts } from '../../support/checkpoints/tiny-rotary-berts';
import { tinyGemma3n } from '../../support/checkpoints/tiny-gemma3n';
import { tinyGemma4 } from '../../support/checkpoints/tiny-gemma4';
import { tinyMimoV2 } from '../../support/checkpoints/tiny-mimo-v2';
import { tinyMiniMaxM3 } from '../../support/checkpoints/tiny-minimax-m3';
import { tinyMosaic } from '../../support/checkpoints/tiny-mosaic';
import { tinyNemotronH } from '../../support/checkpoints/tiny-nemotron-h';
import { tinyVariants } from '../../support/checkpoints/tiny-variants';
import { decodedDifference, difference } from '../../support/reference/compare-model';
import { writeSafetensors, type StoredType } from '../../support/safetensors-file';
import type { ReferenceRun } from '../../support/reference/vectors';

/** Allowed difference of logits and taps from the float64 pass; float32 runs of these sizes stay near 4e-6. */
const tolerance = 1e-4;
const ids = Array.from({ length: 20 }, (_, i) => (i * 17 + (i > 10 ? 3 : 0)) % 61);
const taps: readonly LayerTap[] = [
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.probabilities',
  'attention.head_output',
  'attention.output',
  'mlp_output',
  'residual',
];

function largestError(
  reference: ReferenceRun,
  run: RunResult,
): { readonly error: number; readonly at: string; readonly compared: number } {
  let worst = { error: 0, at: '' };
  let compared = 0;
  const compare = (at: string, expected: readonly number[], found: ArrayLike<number | bigint> | undefined): void => {
    assert.equal(found?.length, expected.length, `${at} has another size`);
    compared++;
    expected.forEach((value, i) => {
      const error = Math.abs(value - Number(found?.[i]));
      if (!(error <= worst.error)) worst = { error, at };
    });
  };
  compare('logits', reference.logits.flat(), run.logits?.data);
  for (const [name, values] of reference.taps) {
    const [, layer, tap] = /^layer\.(\d+)\.(.*)$/.exec(name) ?? [];
    compare(name, values, run.layers[Number(layer)]?.taps[tap as LayerTap]?.data);
  }
  return { ...worst, compared };
}

describe('every family that runs equals its float64 pass', () => {
  let folder: string;
  const opened: LoadedModel[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-families-'));
  });
  after(async () => {
    for (const model of opened) await model.sessions.release();
    rmSync(folder, { recursive: true });
  });

  const open = async (tiny: TinyModel, type: StoredType) => {
    const at = join(folder, `${tiny.name}-${type}`.replaceAll(/[^\w-]/g, '_'));
    const parameters = writeTinyModel(at, tiny, type);
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    return { model, reference: tiny.run(parameters, ids) };
  };
  const allTaps = (model: LoadedModel) => model.spec.blocks.flatMap((_, layer) => taps.map((tap) => ({ layer, tap })));

  for (const tiny of tinyModels) {
    it(`${tiny.name}: logits and every tap`, async () => {
      const { model, reference } = await open(tiny, 'F32');
      const run = await runPrompt(model.spec, model.sessions, { ids, chunk: 20, logits: 'all', taps: allTaps(model) });
      const { error, at, compared } = largestError(reference, run);
      assert.ok(compared > 10);
      assert.ok(error <= tolerance, `${at} differs by ${error}`);
    });

    it(`${tiny.name}: the same in chunks, and the same bits as the plain graph`, async () => {
      const { model, reference } = await open(tiny, 'F32');
      const request = { ids, chunk: 6, logits: 'all' } as const;
      const instrumented = await runPrompt(model.spec, model.sessions, { ...request, statistics: true });
      const plain = await runPrompt(model.spec, model.sessions, { ...request, plain: true });
      assert.deepEqual(instrumented.logits, plain.logits);
      reference.logits.flat().forEach((value, i) => {
        assert.ok(Math.abs(value - Number(instrumented.logits?.data[i])) <= tolerance);
      });
    });
  }

  // Keys of the configuration classes at values of their own, all directions of reading in one chunk.
  for (const tiny of [
    ...tinyVariants,
    ...tinyRotaryBerts,
    ...tinyNemotronH,
    ...tinyGemma4,
    tinyGemma3n,
    tinyMimoV2,
    ...tinyMiniMaxM3,
    ...tinyMosaic,
  ]) {
    it(`${tiny.name}: logits and every tap, and the same bits as the plain graph`, async () => {
      const { model, reference } = await open(tiny, 'F32');
      const request = { ids, chunk: 20, logits: 'all' } as const;
      const run = await runPrompt(model.spec, model.sessions, { ...request, taps: allTaps(model) });
      const { error, at, compared } = largestError(reference, run);
      assert.ok(compared > 10);
      assert.ok(error <= tolerance, `${at} differs by ${error}`);
      const plain = await runPrompt(model.spec, model.sessions, { ...request, plain: true });
      assert.deepEqual(run.logits, plain.logits);
    });
  }

  // Rows that carry more than the stream.
  for (const tiny of [...tinyGemma4.slice(1), tinyGemma3n]) {
    it(`${tiny.name}: in chunks, and a replaced stream is only the hidden numbers of a row`, async () => {
      const { model, reference } = await open(tiny, 'F32');
      const { spec, sessions } = model;
      const run = (variant: Variant) =>
        runPrompt(spec, sessions, { ids, chunk: 6, logits: 'all', variants: [variant], taps: allTaps(model) });
      const plain = await run([]);
      const { error, at } = largestError({ ...reference, taps: new Map() }, plain);
      assert.ok(error <= tolerance, `${at} differs by ${error}`);
      const stream = plain.layers[1]?.taps.residual?.data;
      assert.ok(stream instanceof Float32Array && stream.length === ids.length * spec.hiddenSize);
      const by = (data: Float32Array): Variant => [{ kind: 'replacement', target: 'residual', layer: 1, data }];
      assert.deepEqual((await run(by(stream))).logits, plain.logits);
      const zeros = await run(by(new Float32Array(stream.length)));
      assert.ok(zeros.layers[1]?.taps.residual?.data.every((value) => Number(value) === 0));
      const direct = new ServerDirectPaths(model, new AbortController().signal);
      const last = plain.layers.at(-1)?.taps.residual?.data;
      const row = Float32Array.from((last ?? []) as Float32Array).subarray(0, spec.hiddenSize);
      if (!spec.carried?.makes.length) {
        const [logits = []] = await direct.logits([row]);
        assert.ok(
          difference(logits, [...(plain.logits?.data ?? [])].map(Number).slice(0, logits.length), true) <= 1e-5,
        );
        return;
      }
      await assert.rejects(direct.logits([row]), /reads the mean of several streams, .* Choose another model\./);
      await assert.rejects(direct.projected(0, [row]), /several streams, mixed before and after a layer/);
    });
  }

  // Parts of attention and network that no checkpoint of the reference folder has.
  for (const tiny of [...tinyNemotronH, ...tinyGemma4, tinyGemma3n, tinyMimoV2, ...tinyMiniMaxM3]) {
    it(`${tiny.name}: token by token, and a head without output is one whose columns are nothing`, async () => {
      const { model } = await open(tiny, 'F32');
      const decoded = await decodedDifference(model, ids);
      assert.ok(decoded <= 1e-5, `token by token the logits differ by ${decoded}`);
      const output = Object.keys(tiny.shapes).find((name) => name.endsWith('o_proj.weight')) ?? assert.fail();
      const [rows = 0, columns = 0] = tiny.shapes[output] ?? [];
      const [layer, head] = [Number(/\.(\d+)\./.exec(output)?.[1]), 1];
      const heads = model.spec.blocks[layer]?.attention?.heads ?? 1;
      const at = join(folder, `${tiny.name.replaceAll(/[^\w-]/g, '_')}-silenced`);
      writeTinyModel(at, tiny, 'F32');
      const tensors = tinyTensors(tiny, 'F32');
      const data = tensors.get(output)?.data ?? assert.fail();
      const width = columns / heads;
      for (let row = 0; row < rows; row++)
        data.fill(0, row * columns + head * width, row * columns + (head + 1) * width);
      writeSafetensors(join(at, 'model.safetensors'), tensors, 'F32');
      const other = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      opened.push(other);
      const request = { ids, chunk: 7, logits: 'all' } as const;
      const variants = [[{ kind: 'gain', layer, head, gain: 0 } as const]];
      const changed = await runPrompt(model.spec, model.sessions, { ...request, variants });
      const rebuilt = await runPrompt(other.spec, other.sessions, request);
      const error = difference(changed.logits?.data ?? [], [...(rebuilt.logits?.data ?? [])].map(Number), true);
      assert.ok(error <= 1e-5, `the logits differ by ${error}`);
    });
  }

  it('Baichuan has slopes for its 40 heads at the width of 13 billion parameters, and rotates at that of 7', () => {
    const sizes = { num_hidden_layers: 1, intermediate_size: 64, vocab_size: 64_000, hidden_act: 'silu' };
    const specOf = (hidden: number, heads: number) => {
      const config = { model_type: 'baichuan', hidden_size: hidden, num_attention_heads: heads, ...sizes };
      const find = (name: string) => ({ name, dtype: 'F32', shape: [], location: '', offset: 0, length: 0 });
      const model = describeModel(config);
      assert.equal(runnable(model), true);
      const specified = specifyModel(model, { find: (name) => (name.endsWith('.bias') ? undefined : find(name)) });
      return specified.kind === 'text' ? specified.text.blocks[0]?.attention : undefined;
    };
    const wide = specOf(5120, 40);
    // arXiv:2108.12409: of 32 heads 2^(-8 i / 32), and of the 8 beyond those every second one of 64 heads.
    const slopes = [
      ...Array.from({ length: 32 }, (_, i) => 2 ** (-(i + 1) / 4)),
      ...Array.from({ length: 8 }, (_, i) => 2 ** (-(2 * i + 1) / 8)),
    ];
    assert.equal(wide?.rope, undefined);
    wide?.alibi?.slopes.forEach((slope, head) => assert.ok(Math.abs(slope - (slopes[head] ?? 0)) < 1e-6));
    assert.equal(wide?.alibi?.slopes.length, 40);
    const narrow = specOf(4096, 32);
    assert.equal(narrow?.alibi, undefined);
    assert.equal(narrow?.rope, 0);
  });

  it('one row and nothing else adds a family: what is computed comes from it', () => {
    const row = decoderFamily({
      id: 'acme',
      title: 'Acme',
      types: ['acme'],
      run: { ...llamaLikeKeys, ...honoured('stream_factor') },
      computes: {
        norms: ['attention.output', 'network.output'],
        branchFactor: (part) => amount(part, 'stream_factor'),
      },
      layout: {
        root: 'trunk.',
        embedding: 'words',
        layer: 'blocks.{layer}.',
        attention: { prefix: 'mix.', projections: ['qkv'], output: 'out', norm: () => 'all', normNames: ['qn', 'kn'] },
        mlp: { prefix: 'net.', inputs: ['both'], fused: true, output: 'down' },
        norms: ['after_mix', 'after_net'],
        finalNorm: 'last',
        head: 'words_out',
      },
    });
    const sizes = { hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 1 };
    const config = { model_type: 'acme', vocab_size: 11, intermediate_size: 48, stream_factor: 0.5, ...sizes };
    const part = row.read(new ConfigReader({ ...config, hidden_act: 'silu', rms_norm_eps: 1e-6 }, [], []));
    const model = {
      ...describeModel({ ...config, model_type: 'llama' }),
      tiedEmbeddings: { value: false, source: { kind: 'derived', rule: '' } },
    } as const;
    const find = (name: string) => ({ name, dtype: 'F32', shape: [], location: '', offset: 0, length: 0 });
    const input = {
      model,
      part,
      weights: { find: (name: string) => (name.endsWith('.bias') ? undefined : find(name)) },
    };
    const stack = typeof row.stack === 'object' ? row.stack : assert.fail();
    const spec = specifyDecoder({ ...input, prefix: '' }, stack);
    const [block] = spec.blocks;
    const at = 'trunk.blocks.0.';
    assert.deepEqual(block?.attentionNorms, {
      output: { kind: 'rms', weight: `${at}after_mix.weight`, size: 32, epsilon: 1e-6 },
    });
    const { projection, output, queryNorm, keyNorm } = block?.attention ?? assert.fail();
    const rows = { bias: undefined, inputs: 32, stored: 'outputs-inputs', storedRows: 64 } as const;
    assert.deepEqual(projection, {
      kind: 'separate',
      query: { weight: `${at}mix.qkv.weight`, outputs: 32, firstRow: 0, ...rows },
      key: { weight: `${at}mix.qkv.weight`, outputs: 16, firstRow: 32, ...rows },
      value: { weight: `${at}mix.qkv.weight`, outputs: 16, firstRow: 48, ...rows },
    });
    assert.deepEqual([output.weight, output.factor], [`${at}mix.out.weight`, 0.5]);
    assert.deepEqual([queryNorm?.size, keyNorm?.size, keyNorm?.weight], [32, 16, `${at}mix.kn.weight`]);
    assert.equal(spec.head.vocabulary?.weight, 'words_out.weight');
    assert.equal(spec.head.norm?.weight, 'trunk.last.weight');
  });

  it("a family of one's own that renames keys and tensors of a known one", async () => {
    const tiny = tinyModel('llama');
    const at = join(folder, 'acme');
    const reference = tiny.run(writeTinyModel(at, tiny), ids);
    const renamed = (name: string): string =>
      name.replace(/^model\.layers\.(\d+)\.self_attn\./, 'trunk.blocks.$1.mix.').replace(/^model\./, 'trunk.');
    const stored = tinyTensors(tiny);
    writeSafetensors(
      join(at, 'model.safetensors'),
      new Map([...stored].map(([name, tensor]) => [renamed(name), tensor])),
    );
    const { hidden_size, ...rest } = tiny.config;
    writeFileSync(join(at, 'config.json'), JSON.stringify({ ...rest, model_type: 'acme', width: hidden_size }));
    const family = {
      modelType: 'acme',
      like: 'llama',
      keys: { hidden_size: 'width' },
      tensors: { 'model.': 'trunk.', 'model.layers.{layer}.self_attn.': 'trunk.blocks.{layer}.mix.' },
    };
    writeFileSync(join(at, '.headscope.json'), JSON.stringify({ families: [family] }));
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    assert.equal(model.summary.family, 'acme');
    const run = await runPrompt(model.spec, model.sessions, { ids, chunk: 20, logits: 'all', taps: allTaps(model) });
    const { error, at: worst } = largestError(reference, run);
    assert.ok(error <= tolerance, `${worst} differs by ${error}`);
  });

  for (const type of ['F16', 'BF16'] as const) {
    for (const name of ['llama', 'gpt2', 'gemma2', 'phi3']) {
      const tiny = tinyModels.find((each) => each.name === name);
      it(`${name} stored as ${type}`, async () => {
        assert.ok(tiny);
        const { model, reference } = await open(tiny, type);
        const run = await runPrompt(model.spec, model.sessions, {
          ids,
          chunk: 20,
          logits: 'all',
          taps: allTaps(model),
        });
        const { error, at } = largestError(reference, run);
        assert.ok(error <= tolerance, `${at} differs by ${error}`);
      });
    }
  }
});
