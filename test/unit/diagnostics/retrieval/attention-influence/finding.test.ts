/** What a result says: no more than its numbers allow. */
import assert from 'node:assert/strict';
import { chartSections } from '../../../../../diagnostics/retrieval/attention-influence/charts';
import { compare } from '../../../../../diagnostics/retrieval/attention-influence/compare';
import { finding } from '../../../../../diagnostics/retrieval/attention-influence/finding';
import type { DocumentResult, InfluenceResult } from '../../../../../diagnostics/retrieval/attention-influence/result';
import { summarised } from '../../../../../diagnostics/retrieval/attention-influence/summary';
import { headsInWords } from '../../../../../diagnostics/retrieval/attention-influence/words';
import type { TableSection } from '../../../../../protocol/sections/table';

/** Documents of ten tokens; losses in nats per token: plain, masked, random heads. */
function resultOf(losses: readonly (readonly [plain: number, masked: number, random: number])[]): InfluenceResult {
  const documents = losses.map((_, index) => ({
    index,
    source: 'web',
    start: `document ${index}`,
    repeated: 0,
    ids: new Int32Array(11),
  }));
  const sums = new Map(losses.map((each, at) => [at, { sums: each.map((loss) => 10 * loss), tokens: 10, windows: 1 }]));
  return {
    corpus: { name: 'a.jsonl', sha256: 'x', documents: losses.length, chosen: losses.length, notes: [] },
    heads: 32,
    masked: [
      { layer: 1, head: 4 },
      { layer: 1, head: 6 },
    ],
    controls: [[{ layer: 0, head: 0 }]],
    window: 2048,
    top: 20,
    ...summarised(documents, sums, 20),
  };
}

const clear = resultOf([
  [2, 3, 2.1],
  [2, 2.8, 2],
  [4, 6.4, 4.2],
]);

describe('the finding of attention influence', () => {
  it('gives the median of the documents, that of random heads, and what is selected', () => {
    assert.equal(
      finding(clear),
      'Masking 2 of 32 heads (L1H4, L1H6) changes the loss of 3 documents by a median of +50 %, as many random heads by +5 %. 1 document is selected (top 20 % of each source).',
    );
    const { overall } = clear;
    assert.equal(overall.loss, 8 / 3);
    assert.equal(overall.maskedLoss, 12.2 / 3);
    assert.ok(Math.abs(overall.difference - (0.45 + 0.4 + 0.55) / 3) < 1e-12);
  });

  it('says where the heads do no more than random ones, and where the probes were not answered', () => {
    const none = resultOf([
      [2, 2.2, 2.1],
      [2, 1.9, 2.1],
      [2, 2.1, 2.1],
    ]);
    assert.match(finding(none), /as many random heads by \+5 %: no difference beyond chance\./);
    const probe = { format: 'tokens', answered: 3, tests: 64, probes: 64, tokens: 100, tried: [] } as const;
    assert.match(
      finding({ ...clear, probe }),
      /answered 3 of 64 probe questions, so the choice of heads says little\.$/,
    );
  });

  it('says of a part that it is one', () => {
    const { corpus } = clear;
    assert.match(finding({ ...clear, corpus: { ...corpus, chosen: 9 } }), /the loss of 3 documents scored so far by/);
    assert.equal(finding(resultOf([])), 'No document is scored yet. Masked: 2 of 32 heads (L1H4, L1H6).');
    assert.equal(finding({}), 'Nothing is measured yet.');
  });

  it('names heads that follow each other by the first and the last', () => {
    const heads = [0, 1, 2, 5].map((head) => ({ layer: 1, head }));
    assert.equal(headsInWords([...heads, { layer: 2, head: 6 }]), 'L1H0-2, L1H5, L2H6');
    const many = Array.from({ length: 9 }, (_, layer) => ({ layer, head: 0 }));
    assert.equal(headsInWords(many), 'L0H0, L1H0, L2H0, L3H0, L4H0, L5H0 and 3 more');
  });
});

describe('two results of attention influence', () => {
  const rowsOf = (a: InfluenceResult, b: InfluenceResult, id: string) =>
    compare(a, b).find((section): section is TableSection => section.id === id)?.rows;

  it('agree with themselves, and disagree in the other order', () => {
    assert.deepEqual(rowsOf(clear, clear, 'agreement'), [['web', 3, 1, 1, 0, 0]]);
    assert.deepEqual(rowsOf(clear, clear, 'moved'), []);
    const reversed = resultOf([
      [2, 2.8, 2.1],
      [2, 3.1, 2],
      [4, 4.4, 4.2],
    ]);
    // Ranks 2, 3, 1 and 2, 1, 3: Spearman's correlation is 1 - 6 (0 + 4 + 4) / (3 · 8).
    assert.deepEqual(rowsOf(clear, reversed, 'agreement'), [['web', 3, -1, 0, 1, 1]]);
    const moved: readonly DocumentResult[] = clear.documents;
    assert.equal(rowsOf(clear, reversed, 'moved')?.length, moved.length - 1);
  });

  it('are not compared where they are of other documents', () => {
    const { corpus } = clear;
    const [only] = compare(clear, { ...clear, corpus: { ...corpus, sha256: 'y' } });
    assert.equal(only?.kind, 'text');
  });
});

it('a chart of many documents has 500 of them, evenly spaced, the least and the most influenced among them', () => {
  const many = resultOf(Array.from({ length: 999 }, (_, at) => [2, 2 + at / 1000, 2] as const));
  const chart = chartSections(many).find(({ id }) => id === 'distribution');
  // Every second one of 999: 0, 2, ..., 998.
  const expected = many.documents.map(({ influence }) => influence).sort((a, b) => a - b);
  assert.deepEqual(
    chart?.series.map(({ points }) => points.map(({ x }) => x)),
    [expected.filter((_, at) => at % 2 === 0)],
  );
});
