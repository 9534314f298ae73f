import assert from 'node:assert/strict';
import type { LayerFacts, ModelPartFacts } from '../../../protocol/language/requests';
import { cellAt, fittingPitch, layoutDots, moved } from '../../../webviews/panels/model/dots-layout';
import { headWords, layerRuns } from '../../../webviews/panels/model/layers';
import { legendOf } from '../../../webviews/panels/model/legend';
import { part } from '../extension/samples';

const layers = (count: number, layer: Partial<LayerFacts> = {}): readonly LayerFacts[] =>
  Array.from({ length: count }, () => ({ kind: 'full', heads: 8, kvHeads: 2, ...layer }));
const grouped = part({ layers: layers(3), heads: 8, kvHeads: 2 });
const row = (shown: ModelPartFacts, index = 0, pitch = 10) => {
  const found = layoutDots(shown, pitch).rows[index];
  assert.ok(found);
  return found;
};
const gaps = (xs: readonly number[]): number[] => xs.slice(1).map((x, index) => x - (xs[index] ?? 0));

describe('the layout of the dots', () => {
  it('puts the query heads of one key/value head together, and a gap before the next', () => {
    const { xs, capsules } = row(grouped);
    assert.deepEqual(gaps(xs), [10, 10, 10, 15, 10, 10, 10]);
    assert.deepEqual(
      capsules.map(({ first, last }) => [first, last]),
      [
        [0, 3],
        [4, 7],
      ],
    );
    for (const { x, width, first, last } of capsules) {
      assert.ok(x < (xs[first] ?? 0) && (xs[last] ?? 0) < x + width);
    }
  });

  it('gives heads with keys of their own no capsule and no gap', () => {
    const { xs, capsules } = row(part({ attention: 'mha', layers: layers(1, { kvHeads: 8 }) }));
    assert.deepEqual(capsules, []);
    assert.equal(new Set(gaps(xs)).size, 1);
  });

  it('puts all heads of a multi-query or a latent layer into one capsule', () => {
    for (const shown of [
      part({ attention: 'mqa', layers: layers(1, { kvHeads: 1 }) }),
      part({ attention: 'mla', layers: layers(1, { kvHeads: 8 }) }),
    ]) {
      assert.deepEqual(
        row(shown).capsules.map(({ first, last }) => [first, last]),
        [[0, 7]],
      );
    }
  });

  it('groups nothing when the heads cannot be shared out, and says so', () => {
    const faulty = part({ layers: layers(1, { kvHeads: 3 }), heads: 8, kvHeads: 3 });
    assert.deepEqual(row(faulty).capsules, []);
    assert.match(headWords(faulty, 0, 2), /8 query heads cannot be shared out over 3 key\/value heads/);
  });

  it('draws one mark for a layer without heads', () => {
    const { xs, hasHeads } = row(part({ layers: layers(1, { kind: 'none', heads: 0, kvHeads: 0 }) }));
    assert.equal(xs.length, 1);
    assert.equal(hasHeads, false);
  });

  it('tells cross-attention in the place of own attention from none, in mark, legend and words', () => {
    const none = { kind: 'none', heads: 0, kvHeads: 0 } as const;
    const shown = part({ layers: [...layers(1), { ...none, cross: true }, none] });
    assert.deepEqual(
      layoutDots(shown, 10).rows.map(({ kind }) => kind),
      ['full', 'cross', 'none'],
    );
    assert.deepEqual(
      legendOf([shown]).map(({ kind, text }) => [kind, text]),
      [
        ['full', 'Full attention, 1 layer'],
        ['cross', 'Cross-attention, 1 layer'],
        ['none', 'No attention, 1 layer'],
      ],
    );
    assert.equal(headWords(shown, 1, undefined), 'Layer 1: cross-attention.');
    assert.equal(layerRuns(shown.layers).length, 3);
  });

  it('draws no heads for a recurrent state, whatever number the file names', () => {
    const shown = part({ layers: layers(2, { kind: 'linear', heads: 16, kvHeads: 2 }), heads: 16, kvHeads: 2 });
    const { xs, capsules, hasHeads } = row(shown);
    assert.deepEqual([xs.length, capsules.length, hasHeads], [1, 0, false]);
    assert.equal(headWords(shown, 1, undefined), 'Layer 1: linear (a recurrent state).');
  });

  it('fits the widest row into the width, and scrolls rather than shrink out of sight', () => {
    for (const [heads, kvHeads] of [
      [32, 8],
      [16, 16],
      [8, 1],
    ] as const) {
      const shown = part({ layers: layers(2, { heads, kvHeads }), heads, kvHeads });
      const pitch = fittingPitch([shown], 276);
      assert.ok(layoutDots(shown, pitch).width <= 276, `${heads} on ${kvHeads}: ${layoutDots(shown, pitch).width} px`);
    }
    assert.equal(fittingPitch([part({ layers: layers(1, { heads: 128, kvHeads: 8 }) })], 276), 4);
  });

  it('finds the head under a point, for each of them', () => {
    const layout = layoutDots(grouped, 7.5);
    for (const { layer, xs, y } of layout.rows) {
      xs.forEach((x, head) => assert.deepEqual(cellAt(layout, x + 1, y - 1), { layer, head }));
    }
    assert.equal(cellAt(layout, 40, layout.height + 5), undefined);
    assert.equal(cellAt(layout, -1, 5), undefined);
  });

  it('walks by keys and stops at the edges, over layers with other numbers of heads', () => {
    const mixed = part({
      layers: [...layers(1), ...layers(1, { kind: 'none', heads: 0, kvHeads: 0 }), ...layers(1, { heads: 4 })],
    });
    const layout = layoutDots(mixed, 10);
    const go = (layer: number, head: number | undefined, key: string, control = false) =>
      moved(layout, head === undefined ? { layer } : { layer, head }, key, control);
    assert.deepEqual(go(0, 7, 'ArrowRight'), { layer: 0, head: 7 });
    assert.deepEqual(go(0, 7, 'ArrowDown'), { layer: 1 });
    assert.deepEqual(go(1, undefined, 'ArrowDown'), { layer: 2, head: 0 });
    assert.deepEqual(go(0, 6, 'PageDown'), { layer: 2, head: 3 });
    assert.deepEqual(go(2, 1, 'Home'), { layer: 2, head: 0 });
    assert.deepEqual(go(0, 0, 'End', true), { layer: 2, head: 3 });
    assert.equal(go(0, 0, 'x'), undefined);
  });

  it('names the layer, the head and what it shares, counted from 0', () => {
    const windowed = part({ layers: layers(2, { kind: 'window', window: 4096 }) });
    assert.equal(
      headWords(windowed, 1, 5),
      'Layer 1, head 5: window of 4,096 tokens; shares key/value head 1 with the others of heads 4 to 7.',
    );
  });

  it('names the width of a stage, and parts stages of unlike widths', () => {
    const stages = [
      ...layers(2, { heads: 3, kvHeads: 3, hiddenSize: 96 }),
      ...layers(2, { heads: 3, kvHeads: 3, hiddenSize: 192 }),
    ];
    const tower = part({ attention: 'mha', layers: stages, heads: 3, kvHeads: 3, hiddenSize: 192 });
    assert.equal(
      headWords(tower, 1, 2),
      'Layer 1, head 2: full attention in a stream of 96; has key/value head 2 to itself.',
    );
    assert.deepEqual(
      layerRuns(stages).map(({ first, last }) => [first, last]),
      [
        [0, 1],
        [2, 3],
      ],
    );
  });

  it('writes layer numbers no denser than they can be read', () => {
    const { rows, rowHeight } = layoutDots(part({ layers: layers(40) }), 5);
    const labels = rows.filter(({ label }) => label !== undefined);
    const [first, second] = labels;
    assert.ok(first && second);
    assert.ok(second.y - first.y >= 12, `${second.y - first.y} px at rows of ${rowHeight} px`);
    assert.equal(first.label, '0');
  });

  it('joins neighbouring layers that are alike', () => {
    const runs = layerRuns([...layers(2), ...layers(1, { kind: 'window', window: 64 }), ...layers(1)]);
    assert.deepEqual(
      runs.map(({ first, last, layer }) => [first, last, layer.kind]),
      [
        [0, 1, 'full'],
        [2, 2, 'window'],
        [3, 3, 'full'],
      ],
    );
  });
});
