import assert from 'node:assert/strict';
import { massesOf } from '../../../../../diagnostics/interventions/act/columns';
import {
  headsByToken,
  layerSinks,
  placeSinks,
  sinksPerPrompt,
  tokenSinks,
} from '../../../../../diagnostics/interventions/act/sink-summary';
import { kindOf, sinksOf } from '../../../../../diagnostics/interventions/act/sinks';
import type { ModelRunner } from '../../../../../diagnostics/model-runner/model-runner';

const texts = new Map([
  [0, '<s>'],
  [1, ' the'],
  [2, ','],
  [3, '\n'],
]);
const tokens = { pieces: (ids: readonly number[]) => ids.map((id) => texts.get(id) ?? ''), specialIds: [0] };
/** A model of one layer of two heads, whose run of two rules found these rows: [rules * heads][rows]. */
const found = [
  [0, 1, 0],
  [1, 1, 0],
  [0, 0, 1],
  [1, 0, 0],
];
const model = {
  facts: { blocks: [{ heads: 2 }] },
  run: () => Promise.resolve({ layers: [{ sources: { rows: 3, found: Uint8Array.from(found.flat()) } }] }),
} as unknown as ModelRunner;

/** [layers][heads]: two layers of two heads and one. */
const prompts = [
  { ids: [0, 1, 2, 3, 1], sinks: [[[2], [2, 3]], [[2]]] },
  { ids: [0, 2, 1], sinks: [[[], [1]], [[]]] },
];

describe('later sinks', () => {
  it('are read from the run for each rule and head, and not of heads that are not asked for', async () => {
    const rule = { kind: 'columns' } as never;
    const of = (...heads: readonly number[]) =>
      sinksOf(
        model,
        { ids: [5, 6, 7] },
        {
          variant: [],
          heads: heads.map((head) => ({ layer: 0, head })),
          rules: [rule, rule],
        },
      );
    assert.deepEqual(await of(0, 1), [[[[1], [0, 1]]], [[[2], [0]]]]);
    assert.deepEqual(await of(1), [[[[], [0, 1]]], [[[], [0]]]]);
  });

  it('are counted by head, by token and by place', () => {
    assert.deepEqual(sinksPerPrompt(prompts), [[0.5, 1.5], [0.5]]);
    assert.deepEqual(prompts.map(headsByToken), [
      [0, 0, 3, 1, 0],
      [0, 1, 0],
    ]);
    assert.deepEqual(tokenSinks(prompts, tokens), [
      { text: ',', kind: 'punctuation', sinks: 4, share: 0.8, stands: 2 },
      { text: '\n', kind: 'line break', sinks: 1, share: 0.2, stands: 1 },
    ]);
    const [first] = prompts;
    assert.deepEqual(first && placeSinks(first, [0, 0, 0.5, 0.25, 0], tokens), [
      { position: 2, text: ',', kind: 'punctuation', heads: 3, strength: 0.5 },
      { position: 3, text: '\n', kind: 'line break', heads: 1, strength: 0.25 },
    ]);
  });

  it('share the attention of the queries behind the first with the first token and the rest', () => {
    // Rows 1 and 2 give token 0 0.5 and 0.25, key 1 0.5 and 0.5.
    const { first, sinks } = massesOf([1, 0, 0, 0.5, 0.5, 0, 0.25, 0.5, 0.25], 3, [1]);
    assert.deepEqual([first, sinks], [0.375, 0.5]);
    assert.deepEqual(layerSinks({ sinks: [[1, 3]], firstMass: [[0.5, 0.25]], sinkMass: [[0.25, 0.25]] }), [
      { sinks: 2, firstMass: 0.375, sinkMass: 0.25, restMass: 0.375 },
    ]);
  });

  it('are of a kind by their text', () => {
    const kinds = [' the', ',', ' ...', '\n\n', ' ', ' 42', 'x=1', '<s>'].map((text, at) => kindOf(text, at === 7));
    assert.deepEqual(kinds, [
      'word',
      'punctuation',
      'punctuation',
      'line break',
      'space',
      'number',
      'other',
      'special',
    ]);
  });
});
