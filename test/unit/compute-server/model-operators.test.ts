/** Every graph of every family, in the operators that devices have, is made of operators that the self-test of a device runs. */
import assert from 'node:assert/strict';
import { operatorTests } from '../../../compute-server/devices/operator-tests';
import { modelOperators } from '../../../compute-server/model/run/graphs/model-operators';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { visionGraphs } from '../../../compute-server/model/checkpoint/vision-model';
import type { Dim } from '../../../kernels/graph/dims';
import type { Graph } from '../../../kernels/graph/graph';
import { operatorsOf } from '../../../kernels/graph/operators-of';
import { inStandardOperators, isRewritten } from '../../../kernels/graph/portable';
import {
  gradientGraph,
  inputGradientGraph,
  keysGraph,
  type GradientOptions,
} from '../../../models/architectures/gradient-graphs';
import { replaceables } from '../../../models/instrument/changes/replacement';
import { blockTaps } from '../../laws/gradient/model-check';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import { tinyModel, tinyModels, type TinyModel } from '../../support/checkpoints/tiny-models';
import { tinyVlms } from '../../support/checkpoints/tiny-vision';

describe('graphs of models for a device', function () {
  this.timeout(30_000);
  const pictures = new TinyVlms();
  after(() => pictures.close());

  const found = new Set<string>();
  /** With everything that can be asked of a gradient, but for tables of rows: those stay on the cpu. */
  function* gradients(
    { spec, weights, vision }: LoadedModel,
    names: readonly string[],
  ): Generator<[string, Graph<Dim>]> {
    const { tokens, positions, types = [] } = spec.embedding ?? {};
    const tables = [tokens, positions?.weight, ...types.map(({ weight }) => weight)];
    const wanted: GradientOptions = {
      changes: ['bias', 'weight', 'uniform', ...replaceables],
      taps: blockTaps,
      gains: true,
      biases: true,
      weights: names.filter((name) => !tables.includes(name)),
    };
    for (const { index } of spec.blocks) yield [`gradient ${index}`, gradientGraph(spec, index, weights, wanted)];
    for (const block of spec.blocks) yield [`keys ${block.index}`, keysGraph(spec, block, weights, ['key', 'value'])];
    if (spec.head.vocabulary) yield ['gradient of the head', gradientGraph(spec, 'head', weights, wanted)];
    for (const { build, output } of vision ? Object.values(visionGraphs(vision.tower, vision.connector)) : []) {
      yield [`gradient to ${output}`, inputGradientGraph(build(weights), output, wanted.weights)];
    }
  }
  const untested = (model: LoadedModel, { shapes }: TinyModel): Record<string, string> => {
    const missing: Record<string, string> = {};
    for (const [name, graph] of [...model.sessions.pieces.graphs(), ...gradients(model, Object.keys(shapes))]) {
      for (const operator of operatorsOf(inStandardOperators(graph).model)) {
        found.add(operator);
        if (!operatorTests[operator] || isRewritten(operator) || operator.endsWith(' int64')) missing[operator] = name;
      }
    }
    return missing;
  };

  for (const tiny of tinyModels) {
    it(`${tiny.name}: each operator is one that the self-test runs, and none computes on int64`, async () => {
      const opened = await openTiny(tiny);
      assert.deepEqual(untested(opened.model, tiny), {});
      await opened.close();
    });
  }
  it('so do those of weights in integers', async () => {
    const opened = await openTiny('llama', 1e9, 'q8');
    assert.deepEqual(untested(opened.model, tinyModel('llama')), {});
    await opened.close();
  });
  for (const tiny of tinyVlms) {
    it(`${tiny.name}: so do the language model and the vision encoder`, async () => {
      const { model } = await pictures.open(tiny);
      assert.deepEqual(untested(model, tiny), {});
      assert.ok(model.encoder);
      assert.deepEqual(untested(model.encoder, tiny), {});
    });
  }

  it('are made of the operators that a device is tried on before a model runs there', () => {
    assert.deepEqual([...found].sort(), modelOperators);
  });
});
