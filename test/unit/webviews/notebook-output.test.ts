/** Outputs of notebooks, which may come from anywhere. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readOutput } from '../../../webviews/results/read-output';

const saved = (name: string): string => readFileSync(`test/fixtures/results/${name}`, 'utf8');
const why = (text: string): string => {
  const read = readOutput(text);
  return read.ok ? assert.fail(text.slice(0, 80)) : read.why;
};

describe('an output of a notebook', () => {
  it('is a saved result of an analysis, of heads, of a module or a benchmark', () => {
    for (const [name, kind] of [
      ['labels.headscope-analysis.json', 'headscope-analysis'],
      ['causal.headscope-heads.json', 'headscope-analysis'],
      ['summary.headscope-module.json', 'headscope-module'],
      ['decode-2026-11-30.headscope-bench.json', 'headscope-bench'],
    ] as const) {
      const read = readOutput(saved(name));
      assert.equal(read.ok && read.result.kind, kind);
    }
  });

  it('is refused with a sentence where it is anything else', () => {
    assert.match(why('{'), /^This output is not valid JSON \(.*\)\. Run the cell again\.$/);
    for (const other of [
      'null',
      '[]',
      '"x"',
      '{"kind":"headscope-module"}',
      '{"kind":"headscope-analysis","version":1}',
      '{"kind":"headscope-comparison","version":1}',
    ]) {
      assert.match(why(other), /^This output is no result that Headscope draws: .* Show a saved result/, other);
    }
    const later = { ...(JSON.parse(saved('labels.headscope-analysis.json')) as object), version: 2 };
    assert.match(why(JSON.stringify(later)), /update Headscope/);
    const many = JSON.parse(saved('labels.headscope-analysis.json')) as { readonly sections: readonly object[] };
    const crowded = Array.from({ length: 65 }, (_, at) => ({ ...many.sections[0], id: `s${at}` }));
    assert.match(why(JSON.stringify({ ...many, sections: crowded })), /sections/);
    assert.match(why(' '.repeat(2 ** 26 + 1)), /has 67108865 characters, and at most 67108864 are drawn/);
  });
});
