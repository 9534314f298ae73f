import assert from 'node:assert/strict';
import type { Cell } from '../../../../../diagnostics/circuits/attribution/cells';
import { chosenOf } from '../../../../../diagnostics/circuits/attribution/selection';

const cells: readonly Cell[] = [
  ...Array.from({ length: 100 }, (_, slot): Cell => ({ site: 'head', layer: 0, slot })),
  ...Array.from({ length: 20 }, (_, slot): Cell => ({ site: 'residual', layer: 0, slot })),
];
/** 1, -2, 3, ... of the heads; of the places all 0 but two. */
const estimates = cells.map(({ site, slot }) =>
  site === 'head' ? (slot % 2 === 0 ? 1 : -1) * (slot + 1) : slot === 3 ? -0.5 : slot === 9 ? 0.1 : 0,
);
const slots = (some: readonly { readonly cell: Cell }[], site: Cell['site']): readonly number[] =>
  some.filter(({ cell }) => cell.site === site).map(({ cell }) => cell.slot);

describe('places of an attribution that are patched', () => {
  it('are the largest tenth whatever their sign, of parts and of places apart, and none of 0', () => {
    const chosen = chosenOf(cells, estimates, { checked: 10, random: 0 }, 1);
    assert.deepEqual(slots(chosen, 'head'), [90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    assert.deepEqual(slots(chosen, 'residual'), [3, 9]);
    assert.ok(chosen.every(({ largest, drawn }) => largest && !drawn));
  });

  it('are drawn from all without looking at the estimates, none twice', () => {
    const drawnOf = (values: readonly number[], seed: number) =>
      chosenOf(cells, values, { checked: 10, random: 30 }, seed).filter(({ drawn }) => drawn);
    const [some, again] = [drawnOf(estimates, 1), drawnOf([...estimates].reverse(), 1)];
    assert.deepEqual(slots(some, 'head'), slots(again, 'head'));
    assert.equal(new Set(slots(some, 'head')).size, 30);
    assert.equal(slots(some, 'residual').length, 20);
    assert.notDeepEqual(slots(drawnOf(estimates, 2), 'head'), slots(some, 'head'));
    // Over 200 seeds each of 100 heads is drawn about 60 times (deviation 6.5), those with large estimates as well.
    const counts = new Array<number>(100).fill(0);
    for (let seed = 0; seed < 200; seed++)
      for (const slot of slots(drawnOf(estimates, seed), 'head')) counts[slot]! += 1;
    assert.ok(Math.min(...counts) > 60 - 5 * 6.5 && Math.max(...counts) < 60 + 5 * 6.5, counts.join());
  });
});
