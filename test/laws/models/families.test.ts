import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { architectures } from '../../../models/architectures/catalogue';
import { tinyTextTowers } from '../../support/checkpoints/tiny-pairs';
import { describeModel } from '../../../models/formats/describe-model';
import { referenceModels } from '../../support/reference/reference-models';
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

  it('has a tiny checkpoint or one of the reference folder for each family', () => {
    const typeOf = ({ config }: TinyModel): string => String(config['model_type']);
    // Text towers have no logits: test/laws/models/text-towers.test.ts.
    const covered = new Set([
      ...tinyModels.map((tiny) => typeOf(tiny).replace('_text', '')),
      ...tinyTextTowers.map((tiny) => typeOf(tiny).replace('_model', '')),
    ]);
    if (referenceModels.length === 0) return;
    for (const { config } of referenceModels) for (const part of describeModel(config).parts) covered.add(part.family);
    for (const { families } of architectures) {
      assert.ok(
        families.some((family) => covered.has(family)),
        `no tiny checkpoint for ${families.join(', ')}`,
      );
    }
  });

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
