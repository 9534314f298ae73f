/** Which parts are taken away, in which order, and what the rest is worth. */
import assert from 'node:assert/strict';
import type { CircuitRun } from '../../../../../diagnostics/shared/circuits/circuit-run';
import { discover, type Found, type Method } from '../../../../../diagnostics/shared/circuits/discover';
import type { Part } from '../../../../../diagnostics/shared/effects/parts';
import { finalResult } from '../../../../../diagnostics/shared/final-result';

/** Each part adds its worth to the metric, of which 0.5 is there without any. */
const worth: readonly (readonly [Part, number])[] = [
  [{ layer: 0, head: 0 }, 1],
  [{ layer: 0, head: 1 }, 0.125],
  [{ layer: 1 }, 2.875],
];
const worthOf = ({ layer, head }: Part): number =>
  worth.find(([part]) => part.layer === layer && part.head === head)?.[1] ?? Number.NaN;
const ablated = {
  parts: worth.map(([part]) => part),
  values: (circuits: readonly (readonly Part[])[]) =>
    Promise.resolve(circuits.map((parts) => [parts.reduce((sum, part) => sum + worthOf(part), 0.5)])),
} as unknown as CircuitRun;

const found = (method: Method): Promise<Found> =>
  finalResult(
    discover(ablated, {
      method,
      threshold: 0.1,
      name: 'all',
      step: (_, act) => act(),
      requireGap: (gap) => assert.equal(gap, 4),
    }),
  );

describe('the discovery of a circuit', () => {
  it('tries what changes least first, and keeps what the metric needs', async () => {
    const { removals, nodes, own, whole, nothing } = await found('greedy');
    assert.deepEqual([whole, nothing, own], [4.5, 0.5, [0.25, 0.03125, 0.71875]]);
    assert.deepEqual(removals, [
      { layer: 0, head: 1, removed: true, faithfulness: 0.96875 },
      { layer: 0, head: 0, removed: false, faithfulness: 0.71875 },
      { layer: 1, removed: false, faithfulness: 0.25 },
    ]);
    assert.deepEqual(nodes, [
      { layer: 1, weight: 0.71875 },
      { layer: 0, head: 0, weight: 0.25 },
    ]);
  });

  it('by threshold goes from the last layer to the first', async () => {
    const { removals } = await found('threshold');
    assert.deepEqual(
      removals.map(({ layer, head, removed }) => [layer, head, removed]),
      [
        [1, undefined, false],
        [0, 1, true],
        [0, 0, false],
      ],
    );
  });
});
