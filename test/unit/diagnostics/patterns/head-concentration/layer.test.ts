import assert from 'node:assert/strict';
import { concentrationOf } from '../../../../../diagnostics/patterns/head-concentration/layer';

const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-6, `${a} and ${b}`);

describe('concentration of attention', () => {
  const even = Float32Array.of(1, 0, 0, 0.5, 0.5, 0, 0.25, 0.25, 0.5);
  const self = Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  const causal = (query: number): number => query + 1;

  it('by hand: mass over queries with more keys, entropy and cosine over those with two or more', () => {
    const { mass, entropy, cosine } = concentrationOf([even, self], 3, [0, 1, 2], causal, 2);
    // The two largest weights of the third query alone.
    close(mass[0]!, 0.75);
    close(mass[1]!, 1);
    close(entropy[0]!, (Math.log(2) + 1.5 * Math.log(2)) / 2);
    close(entropy[1]!, 0);
    close(cosine[0]![1]!, (Math.SQRT1_2 + 0.5 / Math.sqrt(0.375)) / 2);
    assert.equal(cosine[1]![0], cosine[0]![1]);
  });

  it('copies of a head have a cosine of 1, disjoint ones 0; the first query of a causal model says nothing', () => {
    const same = concentrationOf([even, even, even], 3, [0, 1, 2], causal, 2);
    close(same.diversity, 1);
    close(same.alike[1]!, 1);
    const back = Float32Array.of(1, 0, 0, 1, 0, 0, 1, 0, 0);
    const apart = concentrationOf([self, back, self], 3, [0, 1, 2], causal, 2);
    close(apart.diversity, 1 / 3);
    close(apart.nearest[0]!, 1);
    close(apart.alike[0]!, 0.5);
    assert.ok(Number.isNaN(concentrationOf([even], 3, [0], causal, 2).entropy[0]));
    assert.ok(Number.isNaN(concentrationOf([even], 3, [0, 1, 2], causal, 2).diversity));
  });
});
