/** Trained networks of no known family: their files, and modules as parts of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerTrainer } from '../../../../compute-server/runner/server-trainer';
import { writeNetworks } from '../../../../compute-server/training/write-checkpoint';
import { drawnWeights, trainedShapes } from '../../../../diagnostics/shared/training/module-weights';
import type { NetworkFiles } from '../../../../diagnostics/experiment';
import { meanSquare } from '../../../../kernels/training/losses';
import { trainedModule } from '../../../../kernels/training/module-graph';
import type { Network } from '../../../../kernels/training/network';
import { lama, lamaReference } from '../../../../kernels/modules/low-rank-mha/lama';
import { tensor } from '../../../../kernels/tensors/tensor';
import { readSafetensorsHeader } from '../../../../models/formats/safetensors/read-header';
import { modelSummary } from '../../../../protocol/schema/parts';
import { check } from '../../../../protocol/schema/check';

const files = (value: number): NetworkFiles => ({
  size: { layers: 2, heads: 3, headDim: 4, hiddenSize: 12 },
  config: { kind: 'made for tests' },
  weights: {
    one: { 'a.weight': { shape: [2, 1], data: Float32Array.of(value, 2) } },
    two: { 'a.weight': { shape: [1], data: Float32Array.of(3) } },
  },
});

describe('networks of an experiment', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-networks-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are written as a file of weights each, again over themselves, and over nothing else', async () => {
    const own = join(folder, 'own');
    const first = await writeNetworks(own, 'made', files(1));
    assert.deepEqual(readdirSync(own).sort(), ['config.json', 'one.safetensors', 'two.safetensors']);
    const header = await readSafetensorsHeader(join(own, 'one.safetensors'));
    assert.ok(header.ok);
    assert.deepEqual(
      header.header.tensors.map(({ name, shape }) => [name, shape]),
      [['a.weight', [2, 1]]],
    );
    const read = check(modelSummary, first);
    assert.ok(read.ok);
    assert.deepEqual([first.family, first.layers, first.heads, first.kvHeads], ['networks', 2, 3, 3]);
    const again = await writeNetworks(own, 'made', files(1));
    const other = await writeNetworks(own, 'made', files(5));
    assert.equal(again.hash, first.hash);
    assert.notEqual(other.hash, first.hash);
    // As `save_pretrained` of transformers writes it, when a person has trained the model further.
    const config = JSON.parse(readFileSync(join(own, 'config.json'), 'utf8')) as object;
    writeFileSync(join(own, 'config.json'), JSON.stringify({ ...config, transformers_version: '5.2.0' }));
    await assert.rejects(writeNetworks(own, 'made', files(1)), /holds other files/);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    await assert.rejects(writeNetworks(folder, 'made', files(1)), /holds other files/);
  });

  it('compute what the reference of a module in them does', async () => {
    const sizes = { words: 5, width: 6, heads: 2, rank: 2, context: 'learned', batch: 2 };
    const parameters = { activation: 'tanh', l2: true, temperature: 1, ...sizes };
    const weights = lama.weights(parameters);
    const network: Network = {
      name: 'pooled',
      parameters: trainedShapes(weights.map((weight) => ({ ...weight, name: `pool.${weight.name}` }))),
      batch: { h: { type: 'float32', shape: [2, 5, 6] }, mask: { type: 'float32', shape: [2, 5] } },
      build(graph, values, inputs) {
        const { output, attention } = lama.build(trainedModule(graph, inputs, values, 'pool.'), parameters);
        return { loss: meanSquare(output!, output!), outputs: { pooled: output!, attention: attention! } };
      },
    };
    const drawn = drawnWeights(weights, 3);
    const inputs = lama.samples[0].draw(parameters, 4);
    const wide = Object.fromEntries(
      weights.map(({ name, shape }) => [name, tensor(shape, Float64Array.from(drawn[name]!))]),
    );
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const { outputs } = await trainer.forward(
      network,
      Object.fromEntries(Object.entries(drawn).map(([name, data]) => [`pool.${name}`, data])),
      Object.fromEntries(
        Object.entries(inputs).map(([name, { data, shape }]) => [name, { data: Float32Array.from(data), shape }]),
      ),
    );
    await trainer.close();
    const expected = lamaReference({ inputs, weights: wide }, parameters);
    for (const [name, found] of [
      ['output', outputs['pooled']],
      ['attention', outputs['attention']],
    ] as const) {
      const { data } = expected[name];
      assert.ok(found && found.data.length === data.length);
      data.forEach((value, at) => assert.ok(Math.abs(Number(found.data[at]) - value) < 1e-5, `${name} ${at}`));
    }
  });
});
