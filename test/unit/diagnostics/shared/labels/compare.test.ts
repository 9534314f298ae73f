/** Two results of heads side by side. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { compare } from '../../../../../diagnostics/shared/labels/label-compare';
import type { HeadsMeasured } from '../../../../../protocol/results/labelled-heads';
import { resultOfHeads } from '../../../../../protocol/results/earlier/heads';
import type { Section } from '../../../../../protocol/sections/section';
import { plantedHeads } from '../../../../browser/workbench/try-host';

const { result } = plantedHeads;

const { labelScores: _scores, classAblations: _ablations, ...measured } = resultOfHeads(result).result as HeadsMeasured;
const entropyWas = (change: (value: number, layer: number, head: number) => number): HeadsMeasured => ({
  ...measured,
  statistics: {
    ...measured.statistics,
    entropy: measured.statistics.entropy.map((row, layer) => row.map((value, head) => change(value, layer, head))),
  },
});

const of = <K extends Section['kind']>(sections: readonly Section[], kind: K, id: string) => {
  const found = sections.find((section) => section.kind === kind && section.id === id);
  assert.ok(found);
  return found as Extract<Section, { readonly kind: K }>;
};

describe('two results of heads', () => {
  const other = entropyWas((value, layer, head) =>
    layer === 1 && head === 2 ? value - 0.5 : layer === 0 && head === 0 ? Number.NaN : value,
  );

  it('are compared head by head in a grid: this one less the other, no number where one of them has none', () => {
    const { numbers } = of(compare(other, measured), 'heads', 'change');
    const entropy = numbers.find(({ name }) => name === 'entropy');
    assert.ok(entropy);
    assert.ok(Math.abs((entropy.values[1]?.[2] ?? 0) - 0.5) < 1e-12);
    assert.equal(entropy.values[2]?.[3], 0);
    assert.ok(Number.isNaN(entropy.values[0]?.[0]));
    assert.deepEqual([entropy.unit, entropy.scale.kind, numbers.length], ['nats', 'diverging', 8]);
  });

  it('list the heads that changed most, of each statistic', () => {
    const { rows, columns } = of(compare(other, measured), 'table', 'changed-statistics');
    const [row, ...more] = rows;
    assert.deepEqual(more, []);
    assert.deepEqual(row?.slice(0, 2), ['Entropy', { layer: 1, head: 2 }]);
    assert.ok(Math.abs(Number(row?.[4]) - 0.5) < 1e-12);
    assert.equal(columns[4]?.as, 'signed');
    const all = entropyWas((value, layer, head) => value - layer - head / 10);
    const most = of(compare(all, measured), 'table', 'changed-statistics').rows.map((one) => one[1]);
    assert.equal(most.length, 12);
    assert.deepEqual(most.slice(0, 2), [
      { layer: 3, head: 7 },
      { layer: 3, head: 6 },
    ]);
  });

  it('say nothing of labels that neither of them has', () => {
    const ids = compare(other, measured).map(({ id }) => id);
    assert.deepEqual(ids, ['change', 'changed-statistics']);
  });

  it('of models of other shapes are not compared, in a sentence', () => {
    const fewer = { ...measured, statistics: { ...measured.statistics, selfToken: [[0.5]] } };
    const [section] = compare(fewer, measured);
    assert.ok(section?.kind === 'text');
    assert.match(section.paragraphs[0] ?? '', /^The two models do not have the same layers and heads/);
  });
});
