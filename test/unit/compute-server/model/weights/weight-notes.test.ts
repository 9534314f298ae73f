/** What is said of weights that are held exactly whatever was asked for: true of an adapter and of formats without codes too. */
import assert from 'node:assert/strict';
import { weightNotes } from '../../../../../compute-server/model/weights/weight-notes';
import type { Encoded } from '../../../../../compute-server/model/weights/tensor-source';
import { adaptedFormat } from '../../../../../models/formats/adapter/adapted-matrix';
import { float32 } from '../../../../../models/formats/number-formats/floats';
import type { WeightChoice } from '../../../../../protocol/inputs/weights';
import type { HeldWeights } from '../../../../../protocol/schema/parts';

describe('notes on weights', () => {
  const matrix = { rank: 1, inputs: 8, outputs: 8, scaling: 1, byInputs: false, types: { a: 'F32', b: 'F32' } };
  const adapted: Encoded = {
    ...{ name: 'w', dtype: 'F32 + LoRA', shape: [8, 8], location: 'm', offset: 0, length: 256 },
    encoded: { format: adaptedFormat({ ...matrix, base: float32 }), parts: {} },
  };
  const said = (choice: WeightChoice, held: HeldWeights): string =>
    weightNotes({
      ...{ choice, held, dtypes: ['F32'], encoded: [adapted], bytes: 1e6, limitBytes: 1e9 },
      device: { id: 'cpu', name: 'CPU' },
    }).join(' ');

  it('with an adapter on floats do not say that the file is quantised', () => {
    assert.match(
      said('q8', 'float32'),
      /With an adapter on them float weights run exactly, and q8 does not change them/,
    );
    assert.doesNotMatch(said('q8', 'float32'), /quantised already/);
  });

  it('say that nothing goes into a product in 8 bits where none has codes', () => {
    assert.match(said('int8-activations', 'int8-activations'), /None is multiplied in integers, so nothing is rounded/);
    assert.doesNotMatch(said('int8-activations', 'int8-activations'), /are rounded to 8 bits/);
  });
});
