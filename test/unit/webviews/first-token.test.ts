import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { firstTokenChoices, gammaOf, thirdsOf, withGamma } from '../../../webviews/panels/workbench/try/first-token';
import type { Answer } from '../../../webviews/panels/workbench/state';
import { openedHeads } from '../../../webviews/panels/workbench/try/tried';
import { headsStory } from '../../browser/workbench/stories';

const places = [
  { layer: 0, head: 1 },
  { layer: 3, head: 2 },
];

describe('the weight of the first token', () => {
  it('is set in thirds of the layers, as the paper parts 32 of them', () => {
    assert.deepEqual(thirdsOf(32), { shallow: [0, 11], middle: [11, 22], deep: [22, 32] });
    assert.deepEqual(thirdsOf(4), { shallow: [0, 2], middle: [2, 3], deep: [3, 4] });
    assert.deepEqual(thirdsOf(1), { shallow: [0, 1], middle: [1, 1], deep: [1, 1] });
    for (const layers of [2, 3, 5, 12, 80]) {
      const { shallow, middle, deep } = thirdsOf(layers);
      assert.deepEqual([shallow[0], shallow[1], middle[1], deep[1]], [0, middle[0], deep[0], layers]);
    }
  });

  it('is offered for all heads, thirds, opened heads, and those of each class', () => {
    const [layers, heads] = [12, 12];
    const model = { layers, heads, kvHeads: heads };
    const opened = [
      { layer: 2, head: 4 },
      { layer: 3, head: 0 },
    ];
    const story = headsStory(layers, heads);
    const choices = firstTokenChoices({ model, sections: [story] }, opened);
    assert.deepEqual(
      choices.map(({ label }) => label),
      [
        'All 144 heads',
        'Shallow layers, 0 to 3',
        'Middle layers, 4 to 7',
        'Deep layers, 8 to 11',
        'L2H4, L3H0 (opened)',
        '6 heads: Retrieval',
        '4 heads: Induction',
        '2 heads: Previous token',
      ],
    );
    const [all, ...others] = choices;
    assert.equal(all?.places.length, layers * heads);
    assert.deepEqual(
      others.slice(0, 3).flatMap((choice) => choice.places),
      all.places,
    );
    assert.deepEqual(others[3]?.places, opened);
    assert.deepEqual(others[6]?.places, story.classes?.[2]?.heads);
    const cells = { ...story, cell: 'key/value head' };
    assert.equal(firstTokenChoices({ model, sections: [cells] }, []).length, 4, 'other cells are no heads to choose');
  });

  it('is offered for heads of attention alone: not of a recurrence, nor of the encoder of an encoder-decoder', () => {
    const story = headsStory(3, 2);
    const numbers = story.numbers.map((one) => ({ ...one, values: [[], [0.5, 0.25], []] }));
    const hybrid = { ...story, classes: [], numbers, without: ['a gated delta rule', null, 'a gated delta rule'] };
    const model = { layers: 3, heads: 8, kvHeads: 2 };
    assert.deepEqual(
      firstTokenChoices({ model, sections: [hybrid] }, []).map(({ label, places: of }) => [label, of.length]),
      [
        ['All 2 heads', 2],
        ['Middle layer, 1', 2],
      ],
    );
    assert.deepEqual(firstTokenChoices({ model: { ...model, kvHeads: 0 }, sections: [] }, []), []);
    const encoder = { ...headsStory(12, 12), stack: 'encoder' as const };
    const even = { layers: 12, heads: 12, kvHeads: 12, source: { layers: 12, heads: 12, kvHeads: 12 } };
    const open = (head: number, stack: { readonly stack?: 'cross' | 'encoder' }): Answer => {
      const place = { layer: 0, head };
      const section = {
        kind: 'matrix',
        id: `h${head}`,
        title: '',
        of: place,
        tokens: ['a'],
        causal: true,
        ...stack,
      } as const;
      return { request: head, own: true, question: { section: 'heads', place: { kind: 'head', ...place } }, section };
    };
    const answers = [open(1, { stack: 'cross' }), open(2, {}), open(3, { stack: 'encoder' })];
    assert.deepEqual(openedHeads({ answers }), [{ layer: 0, head: 2 }]);
    assert.equal(firstTokenChoices({ model: even, sections: [encoder] }, []).length, 4);
  });

  it('is a bias of ln gamma on key 0 of each head, beside what else the list holds', () => {
    const before = ['mlp:1=mean', 'bias:0.1:0=1.5', 'bias:0.1:0-2=1', 'bias:2.2:0=-1', 'half typed'];
    const after = withGamma(before, places, 2);
    assert.deepEqual(after, [
      'mlp:1=mean',
      'bias:0.1:0-2=1',
      'bias:2.2:0=-1',
      'half typed',
      'bias:0.1:0=0.693147',
      'bias:3.2:0=0.693147',
    ]);
    assert.deepEqual(withGamma(after, places, 0.1).slice(4), ['bias:0.1:0=-2.30259', 'bias:3.2:0=-2.30259']);
    assert.deepEqual(withGamma(after, places, 1), ['mlp:1=mean', 'bias:0.1:0-2=1', 'bias:2.2:0=-1', 'half typed']);
  });

  it('is read off the list: biases of a head add up, and heads may differ', () => {
    assert.equal(gammaOf([], places), 1);
    assert.equal(gammaOf(['bias:0.1:0=2'], places), 'mixed');
    assert.equal(gammaOf(['bias:0.1:0=2', 'bias:3.2:0=1', 'bias:3.2:0-0=1'], places), Math.exp(2));
    assert.equal(gammaOf(['bias:0.1:0-1=2', 'bias:5.5:0=1'], places), 1);
  });
});
