import assert from 'node:assert/strict';
import type { Circuit } from '../../../../../diagnostics/shared/circuits/circuit';
import { hypergeometric, overlapOf } from '../../../../../diagnostics/shared/circuits/overlap';

const circuit = (...heads: readonly (readonly [layer: number, head: number])[]): Circuit => ({
  kind: 'headscope-circuit',
  version: 1,
  task: '',
  heads: [4, 4, 4],
  method: '',
  nodes: heads.map(([layer, head]) => ({ layer, head, weight: 1 })),
  edges: [],
});

/** Every set of `count` of the heads. */
function sets(from: number, count: number): readonly (readonly number[])[] {
  if (count === 0) return [[]];
  return Array.from({ length: from }, (_, last) => last).flatMap((last) =>
    sets(last, count - 1).map((set) => [...set, last]),
  );
}

describe('overlap of circuits', () => {
  it('is all of identical circuits and nothing of disjoint ones', () => {
    const [a, b] = [circuit([0, 1], [1, 2]), circuit([0, 2], [2, 2], [2, 3])];
    const [same] = overlapOf(a, a);
    assert.deepEqual([same?.shared, same?.ofEither, same?.ofFirst, same?.ofSecond], [2, 1, 1, 1]);
    const [none] = overlapOf(a, b);
    assert.deepEqual([none?.shared, none?.ofEither, none?.ofFirst, none?.ofSecond], [0, 0, 0, 0]);
    assert.equal(none?.anyHeads?.chance, 1);
  });

  it('has the baseline of all pairs of sets, counted', () => {
    const [M, a, b] = [6, 3, 2];
    const fixed = new Set([0, 1, 2]);
    const all = sets(M, b).map((set) => set.filter((head) => fixed.has(head)).length);
    const counted = [0, 1, 2].map((shared) => all.filter((each) => each === shared).length / all.length);
    hypergeometric(M, a, b).forEach((p, shared) => assert.ok(Math.abs(p - (counted[shared] ?? 0)) < 1e-12));
    // More than fit beside each other share some for certain.
    assert.deepEqual(hypergeometric(4, 3, 3).slice(0, 2), [0, 0]);
    const first = circuit([0, 0], [0, 1], [1, 0]);
    const second = circuit([0, 0], [0, 3], [2, 1], [2, 2]);
    const [overlap] = overlapOf(first, second);
    assert.ok(Math.abs((overlap?.anyHeads?.mean ?? 0) - (3 * 4) / 12) < 1e-12, 'a b / M');
    // By layer: 2 and 2 of 4, 1 and 0, 0 and 2. Two drawn of four miss two given ones in 1 of 6 draws.
    assert.ok(Math.abs((overlap?.sameLayers?.mean ?? 0) - (2 * 2) / 4) < 1e-12);
    assert.ok(Math.abs((overlap?.sameLayers?.chance ?? 0) - 5 / 6) < 1e-12);
  });

  it('counts MLPs and edges of their own', () => {
    const edge = { from: 'L0H0', to: 'L1H0', input: 'query', weight: 1 } as const;
    const one: Circuit = { ...circuit([0, 0]), nodes: [{ layer: 1, weight: 1 }], edges: [edge] };
    const other: Circuit = { ...one, edges: [{ ...edge, input: 'value' }, edge] };
    assert.deepEqual(
      overlapOf(one, other).map(({ what, shared, first, second }) => [what, shared, first, second]),
      [
        ['heads', 0, 0, 0],
        ['mlps', 1, 1, 1],
        ['edges', 1, 1, 2],
      ],
    );
  });
});
