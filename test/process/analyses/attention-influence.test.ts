/** `headscope run attention-influence` on a small model whose heads of one layer copy, and documents of the example corpus. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { sampleRankCorrelation } from 'simple-statistics';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { InfluenceResult } from '../../../diagnostics/retrieval/attention-influence/result';
import { shortDemoLm } from '../../support/demo-models';
import { buildServer, Place } from '../model/support/model-server';

interface Line {
  readonly id: string;
  readonly recall: number;
}

describe('headscope run attention-influence', function () {
  this.timeout(180_000);
  let place: Place;
  before(async () => {
    await buildServer();
    place = new Place();
  });
  after(() => place.remove());

  it('tables that ask for what they said come first, where the eight heads that copy are masked', async () => {
    const lines = readFileSync('examples/corpus/documents.jsonl', 'utf8').split('\n').slice(0, 20);
    const corpus = place.at('tables.jsonl');
    writeFileSync(corpus, ['{"text": 3}', ...lines].join('\n'));
    const words = ['run', 'attention-influence', shortDemoLm, '--corpus', corpus, '--json', '-'];
    const { code, stdout, stderr } = await place.headscope([...words, '--param', 'share=25', '--param', 'probes=4']);
    assert.equal(code, 0, stderr);
    const { result, finding, parity, input, prompts } = JSON.parse(stdout) as AnalysisResult & {
      readonly result: InfluenceResult;
    };
    assert.deepEqual(input, { kind: 'corpus', file: corpus });
    assert.equal(parity?.ok, true);
    assert.deepEqual(
      prompts.map(({ example, tokens }) => [example, tokens.length]),
      [['the first 64 tokens of tables.jsonl', 64]],
    );
    assert.match(
      finding,
      /^Masking 8 of 32 heads \(L1H0-7\) changes the loss of 20 documents by a median of \+\d.* 4 documents are selected \(top 20 % of each source\)\.$/u,
    );
    assert.deepEqual(result.corpus.notes, ['Line 1 is left out: text is not a text.']);
    assert.equal(result.probe?.format, 'table');

    const { documents } = result;
    assert.equal(documents.length, 20);
    for (const { influence, loss, maskedLoss } of documents) {
      assert.ok(Math.abs(influence - (maskedLoss - loss) / loss) < 1e-12);
    }
    // The generator says how much of each table is asked for again (examples/corpus/make-corpus.mjs).
    const recall = lines.map((line) => (JSON.parse(line) as Line).recall);
    const correlation = sampleRankCorrelation(
      recall,
      documents.map(({ influence }) => influence),
    );
    assert.ok(correlation > 0.6, String(correlation));
    const chosen = documents.filter(({ selected }) => selected).map(({ index }) => recall[index] ?? 0);
    assert.ok(chosen.length === 4 && chosen.every((share) => share > 0.5), chosen.join(' '));
    assert.ok(result.overall.differenceLow > 0, 'random heads do as much');
  });
});
