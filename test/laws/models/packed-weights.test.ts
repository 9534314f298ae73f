/** Models whose linear layers are held in integers: what they compute, and how their difference from exact weights is said. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel, type OpenOptions } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { parityOf, requireParity } from '../../../compute-server/model/checkpoint/parity';
import { quantising } from '../../../compute-server/model/weights/holding';
import { PackedWeights } from '../../../compute-server/model/weights/packed-weights';
import { FailureError } from '../../../protocol/wire/failures';
import { promptIds as ids } from '../../support/checkpoints/open-tiny';
import { writeSafetensors } from '../../support/safetensors-file';
import { tinyModel, tinyTensors, writeConfig, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { roundedMatrix } from '../../support/reference/blockwise';
import { parametersOf } from '../../support/reference/vectors';

describe('models with weights in integers', () => {
  let folder: string;
  const opened: LoadedModel[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-packed-'));
  });
  afterEach(async () => {
    for (const { sessions, reference } of opened.splice(0)) {
      await sessions.release();
      await reference?.release();
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  const open = async (at: string, more: Partial<OpenOptions>): Promise<LoadedModel> => {
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9, ...more });
    opened.push(model);
    return model;
  };
  const logitsOf = async ({ spec, sessions }: LoadedModel): Promise<Float32Array> => {
    const { data } = (await runPrompt(spec, sessions, { ids, chunk: 7, logits: 'all' })).logits ?? {};
    assert.ok(data instanceof Float32Array);
    return data;
  };

  // Separate projections; one tensor [inputs, outputs]; one tensor by heads; rows of one tensor. 48 inputs of `down` are no
  // multiple of 32 numbers, and heads of 12 give 48 to the output projection.
  for (const name of ['llama', 'gpt2', 'gpt_neox', 'phi3', 'qwen3, heads wider than hidden']) {
    for (const weights of ['q8', 'q4'] as const) {
      it(`${name} in ${weights} is the float64 pass over rounded weights, up to the rounding of activations`, async () => {
        const tiny = tinyModel(name);
        const at = join(folder, name.replaceAll(/\W/g, '_'));
        writeTinyModel(at, tiny);
        const model = await open(at, { weights });
        const exact = tinyTensors(tiny);
        const byInputs = tiny.config['model_type'] === 'gpt2';
        const rounded = new Map(
          [...exact].map(([key, { shape, data }]) => {
            const [rows, columns] = shape;
            if (columns === undefined || rows === undefined || /embed_(in|tokens)|wte|wpe/.test(key))
              return [key, { shape, data }];
            const along = byInputs ? 'columns' : 'rows';
            const bits = weights === 'q8' ? 8 : 4;
            return [key, { shape, data: roundedMatrix(data, [rows, columns], bits, along) }];
          }),
        );
        // The head of GPT-2 is its embedding, which a pass over tensors cannot round in one place alone: its last stream.
        const tap = { layer: 1, tap: 'residual' } as const;
        const run = await runPrompt(model.spec, model.sessions, { ids, chunk: 7, logits: 'all', taps: [tap] });
        const found = byInputs ? run.layers[1]?.taps.residual?.data : run.logits?.data;
        const expected = (tensors: typeof exact): readonly number[] => {
          const pass = tiny.run(parametersOf(tensors), ids);
          return byInputs ? (pass.taps.get('layer.1.residual') ?? []) : pass.logits.flat();
        };
        const rms = (values: readonly number[]): number => Math.hypot(...values) / Math.sqrt(values.length);
        const error = (values: readonly number[]): number => {
          assert.equal(found?.length, values.length);
          return rms(values.map((value, i) => value - Number(found[i]))) / rms(values);
        };
        const near = error(expected(new Map(rounded)));
        assert.ok(near <= 0.03, `${near}`);
        // The rounded weights are other ones: 4 bits move the result by more than the activations do.
        if (weights === 'q4') assert.ok(error(expected(exact)) > 3 * near);
      });
    }
  }

  it('say how far they are from the exact weights, with the positions at which both choose the same token', async () => {
    const at = join(folder, 'said');
    writeTinyModel(at, tinyModel('llama'));
    const [exact, packed] = [await open(at, {}), await open(at, { weights: 'q4' })];
    const parity = await requireParity(packed, { ids });
    const [a, b] = [await logitsOf(exact), await logitsOf(packed)];
    const largest = Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN))));
    assert.ok(Math.abs(parity.maxLogitError - largest) <= 0.05 * largest, `${parity.maxLogitError} is not ${largest}`);
    assert.equal(parity.weights, 'q4');
    const choice = (logits: Float32Array, row: number): number => {
      const own = logits.subarray(row * 61, row * 61 + 61);
      return own.indexOf(Math.max(...own));
    };
    const same = ids.filter((_, row) => choice(a, row) === choice(b, row)).length;
    assert.deepEqual(parity.greedy, { same, positions: ids.length });
    assert.ok(packed.summary.notes?.some((note) => note.includes('4-bit weights')));
    assert.equal((await parityOf(exact, { ids })).weights, undefined);
  });

  it('are refused where they differ by more than rounding could make them', async () => {
    const at = join(folder, 'wrong');
    writeTinyModel(at, tinyModel('llama'));
    const packed = await open(at, { weights: 'q8' });
    // Another model of the same shapes stands for a wrong product.
    const other = join(folder, 'other');
    writeConfig(other, tinyModel('llama').config);
    writeSafetensors(join(other, 'model.safetensors'), tinyTensors(tinyModel('llama'), 'F32', 99));
    const { sessions: reference } = await open(other, {});
    await assert.rejects(requireParity({ ...packed, reference }, { ids }), (error: unknown) => {
      assert.ok(error instanceof FailureError && error.failure.code === 'model-unusable');
      return /8-bit weights it differs from its exact weights by/.test(error.failure.detail);
    });
  });

  it('count what they take: integers, factors, and what stays exact', async () => {
    const at = join(folder, 'counted');
    writeTinyModel(at, tinyModel('llama'));
    const { sessions } = await open(at, { weights: 'q8' });
    // By hand: rows of 32 inputs take 32 bytes and a factor of 4, the 48 of `down` two blocks of both.
    const layer = (32 + 16 + 16 + 32 + 48 + 48) * 36 + 32 * 2 * 36 + 2 * 32 * 4;
    const ends = 61 * 32 * 4 + 61 * 36 + 32 * 4;
    assert.equal(sessions.sizes.weights(), 2 * layer + ends);
    await sessions.session({ kind: 'block', layer: 0, instrumented: true });
    assert.equal(sessions.openBytes(), layer);
  });

  it('give the same from a file among the temporary ones, which is gone once it is open, and from memory', async () => {
    const at = join(folder, 'kept');
    writeTinyModel(at, tinyModel('llama'));
    const expected = await logitsOf(await open(at, { weights: 'q8' }));
    const temporaryFolder = mkdtempSync(join(folder, 'temporary-'));
    const { weights, weightsFolder, spec, sessions } = await open(at, { weights: 'q8' });
    const seen: boolean[] = [];
    class Seen extends PackedWeights {
      override async prepare(...given: Parameters<PackedWeights['prepare']>): ReturnType<PackedWeights['prepare']> {
        const prepared = await super.prepare(...given);
        seen.push(existsSync(join(prepared.settings.weightsFolder ?? '', 'weights.bin')));
        return prepared;
      }
    }
    Object.assign(sessions, {
      options: {
        device: 'cpu',
        threads: 1,
        packed: new Seen(quantising(8), undefined, { temporaryFolder, worthFile: 0 }),
      },
    });
    assert.ok(weights.find('lm_head.weight') && weightsFolder);
    assert.deepEqual(await logitsOf({ spec, sessions } as LoadedModel), expected);
    assert.deepEqual(seen, [true, true, true]);
    assert.deepEqual(readdirSync(temporaryFolder), []);
    // A folder that is not there: the bytes go to the runtime from memory.
    const nowhere = await open(at, { weights: 'q8' });
    Object.assign(nowhere.sessions, {
      options: {
        device: 'cpu',
        threads: 1,
        packed: new PackedWeights(quantising(8), undefined, { temporaryFolder: join(folder, 'none'), worthFile: 0 }),
      },
    });
    assert.deepEqual(await logitsOf(nowhere), expected);
  });
});
