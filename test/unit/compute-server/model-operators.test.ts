/** Every graph of every family, in the operators that devices have, is made of operators that the self-test of a device runs. */
import assert from 'node:assert/strict';
import { operatorTests } from '../../../compute-server/devices/operator-tests';
import { modelOperators } from '../../../compute-server/model/run/model-operators';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { operatorsOf } from '../../../kernels/graph/operators-of';
import { inStandardOperators, isRewritten } from '../../../kernels/graph/portable';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import { tinyModels } from '../../support/checkpoints/tiny-models';
import { tinyVlms } from '../../support/checkpoints/tiny-vision';

describe('graphs of models for a device', function () {
  this.timeout(30_000);
  const pictures = new TinyVlms();
  after(() => pictures.close());

  const found = new Set<string>();
  const untested = (model: LoadedModel): Record<string, string> => {
    const missing: Record<string, string> = {};
    for (const [name, graph] of model.sessions.graphs()) {
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
      assert.deepEqual(untested(opened.model), {});
      await opened.close();
    });
  }
  it('so do those of weights in integers', async () => {
    const opened = await openTiny('llama', 1e9, 'q8');
    assert.deepEqual(untested(opened.model), {});
    await opened.close();
  });
  for (const tiny of tinyVlms) {
    it(`${tiny.name}: so do the language model and the vision encoder`, async () => {
      const { model } = await pictures.open(tiny);
      assert.deepEqual(untested(model), {});
      assert.ok(model.encoder);
      assert.deepEqual(untested(model.encoder), {});
    });
  }

  it('are made of the operators that a device is tried on before a model runs there', () => {
    assert.deepEqual([...found].sort(), modelOperators);
  });
});
