import assert from 'node:assert/strict';
import { needleGrid } from '../../../../diagnostics/tasks/needle-grid';
import { ownNeedles } from '../../../../diagnostics/tasks/needles-file';
import { drawSamples } from '../../../../diagnostics/tasks/samples';
import { FailureError } from '../../../../protocol/wire/failures';
import { demoTokens, finished } from './demo-tokens';

/** In the form of the authors; the second answer has a capital that its needle has not. */
const file = [
  '{"needle": "The best thing to do in Bree is to drink ale by the fire.", "question": "What is the best thing to do in Bree ?", "real_needle": "drink ale by the fire"}',
  '',
  '{"question": "Why is Tom late ?", "needle": "Tom is late because he lost his shoe.", "real_needle": "Because he lost his shoe."}',
  '{"needle": "The key lies under the mat.", "question": "Where is the key ?", "answer": "under the mat"}',
].join('\n');

describe('own needles', () => {
  it('are read in both forms; the answer is found in the needle', () => {
    assert.deepEqual(
      ownNeedles(file).map(({ before, said, behind, answer }) => [before, said, behind, answer]),
      [
        ['The best thing to do in Bree is to', ' drink ale by the fire', '.', 'drink ale by the fire'],
        ['Tom is late', ' because he lost his shoe', '.', 'Because he lost his shoe.'],
        ['The key lies', ' under the mat', '.', 'under the mat'],
      ],
    );
  });

  it('go through the grid in turn: lengths, then depths, then needles', () => {
    const tokens = demoTokens();
    const hay = Array.from({ length: 60 }, (_, at) => `Here is sentence ${at}.`).join(' ');
    const { samples, notes } = finished(
      drawSamples(
        needleGrid,
        {
          count: 12,
          seed: 3,
          parameters: { lengths: '160, 240', depths: 2, haystack: 'h.txt', needles: 'n.jsonl' },
          files: { haystack: hay, needles: file },
        },
        tokens,
      ),
    );
    assert.deepEqual(notes, []);
    assert.deepEqual(
      samples.map(({ facts }) => [facts['length'], facts['depth'], facts['needle']]),
      [1, 2, 3].flatMap((needle) => [0, 1].flatMap((depth) => [160, 240].map((length) => [length, depth, needle]))),
    );
    for (const { prompt, roles, answers, facts, counterpart } of samples) {
      assert.equal(counterpart, undefined);
      assert.ok(Math.abs(prompt.ids.length - Number(facts['length'])) < 16, String(prompt.ids.length));
      const said = tokens.decode((roles['needle'] ?? []).map((at) => prompt.ids[at] ?? 0)).trim();
      assert.equal(
        said,
        [undefined, 'drink ale by the fire', 'because he lost his shoe', 'under the mat'][Number(facts['needle'])],
      );
      assert.match(prompt.text, /\nBased on the content of the book, Question: .* \?\nAnswer:$/);
      const right = tokens.decode([answers.right[0] ?? 0, ...answers.rest]).trim();
      assert.equal(right, answers.texts.right[0]?.trim());
      // Depth 0: the needle stands in front of all hay.
      if (facts['depth'] === 0) assert.doesNotMatch(prompt.text.slice(0, 20), /Here is sentence/);
      else assert.match(prompt.text, /^Here is sentence/);
    }
  });

  it('that cannot be used are refused, with the line', () => {
    const refused = (text: string): string => {
      try {
        ownNeedles(text);
      } catch (error) {
        if (error instanceof FailureError && error.failure.code === 'bad-request') return error.failure.detail;
        throw error;
      }
      return assert.fail('nothing was refused');
    };
    assert.match(refused('{"needle": "a b"}'), /^Line 1 of the needles cannot be used: .*question/);
    assert.match(refused(`${file}\nnothing`), /^Line 5 .* not valid JSON/);
    assert.match(
      refused('{"needle": "a b", "question": "q", "answer": "c"}'),
      /the answer "c" does not stand in the needle/,
    );
    assert.match(refused('{"needle": "a b", "question": "q"}'), /a needle with its answer/);
    assert.match(refused('{"needle": "a b", "question": "q", "answer": "a", "real_needle": "b"}'), /with its answer/);
  });
});
