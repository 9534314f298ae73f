/** Which weight is taken apart, and the parts of a stream that no layer has changed. */
import assert from 'node:assert/strict';
import { weightRun } from '../../../../../diagnostics/circuits/attention-attribution/run';
import {
  partNames,
  streamParts,
  type Rows,
} from '../../../../../diagnostics/circuits/attention-attribution/stream-parts';

type Arguments = Parameters<typeof weightRun>;

/** Two heads of one layer; what the query at 2 reads, largest first: [heads][keys]. */
const keys = [
  [0, 1, 2],
  [2, 0, 1],
];
const weights = [
  [0.6875, 0.1875, 0.125],
  [0.625, 0.25, 0.125],
];
const before = <T>(some: readonly T[]): readonly T[] => [...some, ...some, ...some, ...some];
const model = {
  facts: { blocks: [{ heads: 2, causal: true }], hiddenSize: 2 },
  weights: { layer: () => Promise.reject(new Error('a layer was read')) },
  run: () =>
    Promise.resolve({
      layers: [
        {
          top: {
            ...{ heads: 2, k: 3 },
            keys: Int32Array.from([...before([-1, -1, -1]), ...keys.flat()]),
            weights: Float32Array.from([...before([0, 0, 0]), ...weights.flat()]),
          },
        },
      ],
    }),
} as unknown as Arguments[0];

/** What the second step is about. */
async function taken(given: { readonly head?: number; readonly key?: number }): Promise<[string, unknown]> {
  let chosen: unknown;
  const job = {
    ...{ input: { prompts: [{ ids: [5, 6, 7], tokens: [] }] }, variant: [], groups: [] },
    parameters: { layer: 0, head: -1, query: 2, key: -1, against: -1, ...given },
    step: async (_key: string, act: () => Promise<unknown>) => (chosen = await act()),
  } as unknown as Arguments[1];
  const steps = weightRun(model, job);
  await steps.next();
  const { value } = await steps.next();
  return ['sentence' in value ? String(value.sentence) : '', (chosen as { readonly key: number }).key];
}

describe('the attention weight that is taken apart', () => {
  it('is the largest that is not on the first token', async () =>
    assert.deepEqual(await taken({}), ['Taking L0H1 apart', 2]));

  it('is the largest of the head that is named', async () =>
    assert.deepEqual(await taken({ head: 0 }), ['Taking L0H0 apart', 1]));

  it('is of the head that reads the key most where a key is named', async () =>
    assert.deepEqual(await taken({ key: 1 }), ['Taking L0H0 apart', 1]));
});

describe('the parts of a stream', () => {
  it('before the first layer are the embeddings alone, and no layer is read', async () => {
    const rows = {
      ...{ sequence: { ids: [5, 6] }, variant: [], kept: [0, 1] },
      layers: [{ taps: { 'residual.input': { shape: [1, 2, 2], data: Float32Array.of(1, 2, 3, 4) } } }],
    } as unknown as Rows;
    const names = partNames(model, 0);
    assert.deepEqual(
      names.map(({ kind }) => kind),
      ['embedding', 'bias', 'replaced'],
    );
    const none = new Float64Array(2);
    assert.deepEqual(await streamParts(model, rows, 0, names, [1]), [[Float64Array.of(3, 4), none, none]]);
  });
});
