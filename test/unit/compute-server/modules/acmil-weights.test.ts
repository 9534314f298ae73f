/** State dicts of ACMIL, in both forms, as its repository names them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readWeights } from '../../../../compute-server/modules/weights-file';
import type { Module } from '../../../../kernels/module';
import { acmil } from '../../../../kernels/modules/acmil/acmil';
import { gatedPooling } from '../../../../kernels/modules/acmil/gated-pooling';
import { writeSafetensors } from '../../../support/checkpoints/safetensors-file';
import { resolved } from '../../../laws/modules/cases';

/** By hand: 4 features reduced to 3, a gate of 2, two branches, three classes. */
const classifiers: Readonly<Record<string, readonly number[]>> = {
  'dimreduction.fc1.weight': [3, 4],
  'classifier.0.fc.weight': [3, 3],
  'classifier.0.fc.bias': [3],
  'classifier.1.fc.weight': [3, 3],
  'classifier.1.fc.bias': [3],
  'Slide_classifier.fc.weight': [3, 3],
  'Slide_classifier.fc.bias': [3],
};
const gated: typeof classifiers = {
  ...classifiers,
  'attention.attention_V.0.weight': [2, 3],
  'attention.attention_V.0.bias': [2],
  'attention.attention_U.0.weight': [2, 3],
  'attention.attention_U.0.bias': [2],
  'attention.attention_weights.weight': [2, 2],
  'attention.attention_weights.bias': [2],
};
const projections = (prefix: string, names: readonly string[]): typeof classifiers =>
  Object.fromEntries([
    ...names.flatMap((name) => [
      [`${prefix}.${name}.weight`, [3, 3]],
      [`${prefix}.${name}.bias`, [3]],
    ]),
    [`${prefix}.layer_norm.weight`, [3]],
    [`${prefix}.layer_norm.bias`, [3]],
  ]) as typeof classifiers;
const multiHead: typeof classifiers = {
  ...classifiers,
  q: [1, 2, 3],
  ...projections('sub_attention.0', ['q_proj', 'k_proj', 'v_proj', 'out_proj']),
  ...projections('sub_attention.1', ['q_proj', 'k_proj', 'v_proj', 'out_proj']),
  ...projections('bag_attention', ['v_proj', 'out_proj']),
};

describe('Published weights of ACMIL', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'headscope-acmil-'));
  });
  after(() => rm(folder, { recursive: true }));

  const read = (module: Module, shapes: typeof classifiers, given: Record<string, number>) => {
    const file = path.join(folder, 'state.safetensors');
    writeSafetensors(
      file,
      new Map(
        Object.entries(shapes).map(([name, shape], at) => {
          const length = shape.reduce((a, b) => a * b, 1);
          return [name, { shape, data: new Float32Array(length).fill(at + 1) }];
        }),
      ),
    );
    return readWeights(module, resolved(module, given), { file }, 1e6);
  };

  for (const [form, shapes] of [
    ['gated', gated],
    ['multi-head', multiHead],
  ] as const) {
    it(`${form}: every name is read, and the shapes decide form and sizes`, async () => {
      const { weights, parameters } = await read(acmil, shapes, { heads: 1 });
      assert.deepEqual(Object.keys(weights).sort(), Object.keys(shapes).sort());
      assert.equal(weights['Slide_classifier.fc.bias']!.data[0], 7);
      const { features, width, branches, classes } = parameters;
      assert.deepEqual([parameters['form'], features, width, branches, classes], [form, 4, 3, 2, 3]);
    });
  }

  it('the pooling alone, out of the whole', async () => {
    const { weights, parameters } = await read(gatedPooling, gated, {});
    assert.equal(weights['attention_V.0.weight']!.data[0], 8);
    assert.deepEqual([parameters['width'], parameters['hidden'], parameters['branches']], [3, 2, 2]);
  });
});
