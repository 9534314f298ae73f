import assert from 'node:assert/strict';
import { differsFrom, guarded } from '../../../../compute-server/own-kernels/guarded-run';
import type { RuntimeValues } from '../../../../compute-server/runtime/session';
import type { AttentionShape } from '../../../../kernels/shape';
import { tensor } from '../../../../kernels/tensors/tensor';

const shape: AttentionShape = {
  pattern: 'noncausal-self',
  batch: 1,
  heads: 1,
  kvHeads: 1,
  queries: 1,
  keys: 1,
  headDim: 2,
  valueDim: 2,
};
const inputs = () => {
  const x = () => tensor([1, 1, 1, 2], Float64Array.of(1, 2));
  return { query: x(), key: x(), value: x(), weights: {} };
};
const values = (...numbers: number[]): RuntimeValues => ({
  output: { data: Float32Array.from(numbers), shape: [1, 1, 1, 2] },
});

/** Onnxruntime lets no graph do what these sessions do: they stand for one that would. */
describe('Runs of a graph that is not trusted', () => {
  it('finds an input that was changed in place', async () => {
    const session = {
      run: (feeds: unknown) => {
        (feeds as RuntimeValues)['value']!.data[1] = 7;
        return Promise.resolve(values(1, 2));
      },
    };
    await assert.rejects(guarded(session, 'heads-first', shape, 'float32')(inputs()), /changed its input "value"/);
    const honest = { run: () => Promise.resolve(values(1, 2)) };
    assert.deepEqual([...(await guarded(honest, 'heads-first', shape, 'float32')(inputs())).data], [1, 2]);
  });

  it('finds an output that a later run does not write, or writes otherwise', async () => {
    const given = values(5, 6);
    const bound = (writes: (data: Float32Array, run: number) => void) => {
      const made = values(1, 2);
      let run = 0;
      return {
        run: () => {
          writes(made['output']!.data as Float32Array, ++run);
          return Promise.resolve(made);
        },
      };
    };
    const first = [1, 2];
    const honest = bound((data) => data.set(first));
    assert.equal(await differsFrom(honest, first, given, values(5, 6)), undefined);
    const stale = bound(() => {});
    assert.match((await differsFrom(stale, first, given, values(5, 6))) ?? '', /not the one that was proved/);
    const tired = bound((data, run) => data.set(run === 1 ? first : [1, 3]));
    assert.match((await differsFrom(tired, first, given, values(5, 6))) ?? '', /not the one that was proved/);
    assert.match((await differsFrom(honest, first, given, values(5, 7))) ?? '', /changed its input "output" in place/);
  });
});
