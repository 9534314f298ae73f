import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { specifyDecoder } from '../../../models/architectures/decoder';
import { ConfigReader } from '../../../models/formats/config/config-reader';
import { decoderFamily } from '../../../models/formats/families/shared/decoder-family';
import { amount } from '../../../models/formats/families/shared/family';
import { honoured, llamaLikeKeys } from '../../../models/formats/families/shared/run-keys';
import { describeModel } from '../../../models/formats/describe-model';
import type { LayerTap } from '../../../models/instrument/taps';
import {
  tinyModel,
  tinyModels,
  tinyTensors,
  writeTinyModel,
  type TinyModel,
} from '../../support/checkpoints/tiny-models';
import { tinyVariants } from '../../support/checkpoints/tiny-variants';
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
  for (const tiny of tinyVariants) {
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
    const spec = specifyDecoder({ ...input, prefix: '' }, row.stack ?? assert.fail());
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
