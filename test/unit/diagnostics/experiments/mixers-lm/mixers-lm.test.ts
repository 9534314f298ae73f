/** The experiment of token mixers: its task, its arms, and what it says. */
import assert from 'node:assert/strict';
import { resolveTable } from '../../../../../protocol/analysis/parameters';
import { lengthsOf, mixersLm } from '../../../../../diagnostics/experiments/mixers-lm/experiment';
import { mixerIds, mixerOf } from '../../../../../diagnostics/experiments/mixers-lm/mixers';
import { finding, sections } from '../../../../../diagnostics/experiments/mixers-lm/sections';
import { farSequence, farText } from '../../../../../diagnostics/experiments/mixers-lm/task';
import { random } from '../../../../../kernels/tensors/random';

describe('mixers-lm', () => {
  for (const kind of ['copy', 'sum'] as const) {
    it(`${kind}: the answer is what is marked, an eighth of the sequence back or farther, and the last place asks`, () => {
      const source = random(3);
      const places = new Set<number>();
      for (let at = 0; at < 300; at++) {
        const tokens = farSequence({ kind, values: 5, length: 16 }, source);
        assert.equal(tokens.length, 17);
        assert.equal(tokens[15], 10);
        const marked = tokens.slice(0, 15).flatMap((token, place) => (token >= 5 ? [place] : []));
        assert.equal(marked.length, kind === 'copy' ? 1 : 2);
        assert.ok(marked.every((place) => 15 - place >= 2));
        const sum = marked.reduce((total, place) => total + tokens[place]! - 5, 0);
        assert.equal(tokens[16], sum % 5);
        marked.forEach((place) => places.add(place));
      }
      assert.deepEqual(
        [...places].sort((a, b) => a - b),
        [...Array(14).keys()],
      );
    });
  }

  it('only the last place of a batch counts', () => {
    const { counted, targets, ids } = farText({ kind: 'copy', values: 3, length: 8 }).batch(random(1));
    assert.deepEqual([...counted!.data], [0, 0, 0, 0, 0, 0, 0, 1]);
    assert.ok(Number(ids!.data[7]) === 6 && Number(targets!.data[7]) < 3);
  });

  it('lengths are quarters of each other, and each is there once', () => {
    assert.deepEqual(lengthsOf({ length: 128, lengths: 3 }), [8, 32, 128]);
    assert.deepEqual(lengthsOf({ length: 16, lengths: 3 }), [8, 16]);
    const asked = [0, 1, 3, 4].map((lengths) => resolveTable(mixersLm.id, mixersLm.parameters, { lengths }).ok);
    assert.deepEqual(asked, [false, true, true, false], 'one to three of them');
  });

  it('every mixer has the weights that its module names', () => {
    const names = mixerIds.map((id) => mixerOf(id, { length: 8, width: 8, heads: 1 }).weights.map(({ name }) => name));
    assert.deepEqual(
      names.map((each) => each.length),
      [6, 5, 0, 1, 4, 5],
    );
    assert.deepEqual(names[3], ['kernel']);
  });

  it('says the means in their order and what chance is', () => {
    const curve = (value: number) => ({
      loss: [{ step: 2, mean: 1, smoothed: 1 }],
      measures: { accuracy: [{ step: 2, value }] },
    });
    const arms = {
      arms: ['a-8', 'b-8', 'a-32', 'b-32'].map((id) => ({ id, title: id, parameters: 1 })),
      steps: 2,
      runs: [
        ['a-8', 0.9],
        ['b-8', 0.8],
        ['a-32', 0.3],
        ['b-32', 0.7],
      ].map(([arm, value]) => ({ arm: String(arm), seed: 1, curves: curve(Number(value)) })),
    };
    const places = ['a', 'b'].flatMap((mixer) =>
      [8, 32].map((length) => ({ arm: `${mixer}-${length}`, mixer, length })),
    );
    const result = { arms, places, seeds: 1, values: 4 } as unknown as Parameters<typeof finding>[0];
    assert.equal(finding(result), 'Accuracy at 32 tokens after 2 steps: b 0.7, a 0.3. Chance is 0.25.');
    const [chart] = sections(result);
    assert.ok(chart?.kind === 'chart');
    assert.deepEqual(
      chart.series.map(({ title, points }) => [title, points.map(({ x, y }) => [x, y])]),
      [
        [
          'a',
          [
            [8, 0.9],
            [32, 0.3],
          ],
        ],
        [
          'b',
          [
            [8, 0.8],
            [32, 0.7],
          ],
        ],
      ],
    );
  });
});
