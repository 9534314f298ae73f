/** Published weights of every module: a file as its repository names them is read whole, and what does not fit is said. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { furtherStates } from './published-forms';
import { readWeights } from '../../../../compute-server/modules/weights-file';
import { arithmeticOn } from '../../../../compute-server/harness/arithmetic';
import { moduleById, moduleCatalogue } from '../../../../kernels/module-catalogue';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { buildModule } from '../../../../kernels/module-parts/graph';
import { proofsOf } from '../../../../kernels/module-parts/proof';
import { normalTensor, seedFor } from '../../../../kernels/tensors/random';
import { tensor } from '../../../../kernels/tensors/tensor';
import { FailureError } from '../../../../protocol/wire/failures';
import { writeSafetensors, type CheckpointTensor } from '../../../support/safetensors-file';
import { resolved } from '../../../laws/modules/cases';
import { runModuleGraph } from '../../../laws/modules/run';
import { publishedStates, type PublishedState } from './published-names';
import type { Shapes } from './state-dict-parts';

const states = [...publishedStates, ...furtherStates];

describe('Published weights of every module', function () {
  this.timeout(30_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'headscope-weights-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Variances are positive, gains near 1, and every other number is small. */
  function numbers(name: string, shape: readonly number[]): CheckpointTensor {
    const { data } = normalTensor(shape, seedFor(9, name), 0.2);
    const near = /running_var$|norm\w*\.weight$|bn\.weight$/.test(name) ? 1 : 0;
    return { shape, data: Float32Array.from(data, (value) => near + (near === 1 ? Math.abs(value) : value)) };
  }

  /** The tensors behind the prefix, in a file with one of another layer. */
  function written(prefix: string, shapes: Shapes): { readonly file: string; readonly held: Shapes } {
    const file = path.join(folder, 'state.safetensors');
    const named = Object.entries(shapes).map(([name, shape]) => [prefix + name, numbers(name, shape)] as const);
    const other = prefix === '' ? [] : [['another.layer.weight', numbers('other', [2])] as const];
    writeSafetensors(file, new Map([...named, ...other]));
    return { file, held: shapes };
  }

  async function read({ id, prefix, parameters }: PublishedState, shapes: Shapes) {
    const module = moduleById(id)!;
    const { file } = written(prefix, shapes);
    return readWeights(module, resolved(module, parameters), { file }, 1e8);
  }

  async function refusal(state: PublishedState, shapes: Shapes): Promise<string> {
    try {
      await read(state, shapes);
    } catch (error) {
      assert.ok(error instanceof FailureError && 'detail' in error.failure, String(error));
      return String(error.failure.detail);
    }
    throw new assert.AssertionError({ message: 'it was read' });
  }

  it('has a state dict of every module with weights', () => {
    const withWeights = moduleCatalogue.filter((module) => module.weights(resolved(module, {})).length > 0);
    assert.deepEqual([...new Set(states.map(({ id }) => id))].sort(), withWeights.map(({ id }) => id).sort());
  });

  it('a module without weights takes no file', async () => {
    const state = { id: 'memory-read', prefix: '', parameters: {}, decided: {}, shapes: {} };
    assert.match(await refusal(state, { weight: [2] }), /memory-read: the module has none\. Leave the file out\.$/);
  });

  for (const state of states) {
    const { id, prefix, shapes, decided, parameters: given } = state;
    const learned = Object.keys(shapes).filter((name) => !name.endsWith('num_batches_tracked'));

    it(`${id}, ${prefix === '' ? 'a whole file' : prefix}: every tensor is read, and the output is that of the reference`, async () => {
      const module = moduleById(id)!;
      const { weights, parameters, note } = await read(state, shapes);
      assert.deepEqual(Object.keys(weights).sort(), [...learned].sort());
      assert.doesNotMatch(note, /Not read/);
      for (const [name, value] of Object.entries({ ...decided, ...given })) assert.equal(parameters[name], value, name);
      const own = Object.fromEntries(
        learned.map((name) => {
          const { shape, data } = numbers(name, shapes[name]!);
          return [name, tensor(shape, Float64Array.from(data))];
        }),
      );
      const { inputs } = drawCall(module, parameters, 3);
      const graph = buildModule(module, parameters, 'float32', weights);
      const actual = await runModuleGraph(module, graph, { inputs, weights }, parameters, 'float32');
      const arithmetic = arithmeticOn('cpu', 'float32');
      for (const { output, comparison } of proofsOf(module, { inputs, weights: own }, parameters, arithmetic).prove(
        actual,
        true,
      )) {
        assert.ok(comparison.ok, `${output}: ${comparison.maxError} within ${comparison.tolerance}`);
      }
    });

    it(`${id}, ${prefix === '' ? 'a whole file' : prefix}: a tensor that is missing, too much or of another shape`, async () => {
      const last = state.needed ?? learned.at(-1)!;
      const { [last]: shape, ...others } = shapes;
      const [missing, wrong] = [
        await refusal(state, others),
        await refusal(state, { ...shapes, [last]: [...shape!, 7] }),
      ];
      for (const why of [missing, wrong]) assert.match(why, /does not hold the weights of .*\.$/);
      assert.ok(missing.includes(last), missing);
      assert.ok(wrong.includes(`[${[...shape!, 7].join(', ')}]`) && wrong.includes(last), wrong);
      assert.match((await read(state, { ...shapes, 'decoder.extra': [2] })).note, /Not read: decoder\.extra\.$/);
      const layer = learned.find((name) => name.includes('.'))?.replace(/\.\w+$/, '');
      if (layer === undefined) return;
      const extra = await refusal(state, { ...shapes, [`${layer}.weight_scale`]: [1] });
      assert.match(extra, /weight_scale" belongs to a layer that the module reads without it/);
    });
  }
});
