/** `headscope run retrieval-head`: scores written as the authors publish them are read again, and what is missing or none is refused first. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { RetrievalHeadResult } from '../../../diagnostics/retrieval/retrieval-head/result';
import { writePlantedCircuit } from '../../support/checkpoints/planted-circuit';
import { buildServer, Place } from '../model/support/model-server';

describe('retrieval heads from the command line', function () {
  this.timeout(60_000);
  let place: Place;
  let words: readonly string[];
  before(async () => {
    await buildServer();
    place = new Place();
    writePlantedCircuit(place.at('model'));
    // Random tokens, then their beginning again: the induction head copies what comes next.
    words = [
      'run',
      'retrieval-head',
      place.at('model'),
      '--task',
      'induction',
      '--samples',
      '4',
      '--param',
      'tokens=3',
    ];
  });
  after(() => place.remove());

  it('and other analyses that are given nothing to read name what they read, and a task to begin with', async () => {
    const model = place.at('model');
    for (const [given, expected] of [
      [['activation-patching', model, '--ids', '1'], /runs on a task \(--task\), or a prompt and its counterpart \(/],
      [['direct-logit-attribution', model], /runs on a prompt \(--prompt\), or a task \(--task\)\. Give one of them\./],
      [['retrieval-head', model], /Name one with --task, e\.g\. --task needle-grid; there are indirect-object, /],
    ] as const) {
      const { code, stderr } = await place.headscope(['run', ...given]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, expected);
    }
  });

  it('masks, writes its scores alone, and compares with a file of scores', async () => {
    const scores = place.at('scores.json');
    const first = await place.headscope([
      ...words,
      ...['--param', 'masked=1', '--param', 'chosen=0.1,1.1', '--field', `headScores=${scores}`],
    ]);
    assert.equal(first.code, 0, first.stderr);
    assert.match(
      first.stdout,
      /^1 of 4 heads is a retrieval head \(score above 0\.1\)\. The highest score is 1 \(L1H0\)\. 4 of 4 tests passed\. Without the top head 0 pass/,
    );
    assert.match(first.stdout, /^chosen +2 +4 +4 +1 +/m);
    assert.deepEqual(JSON.parse(readFileSync(scores, 'utf8')), {
      '0-0': [0, 0, 0, 0],
      '0-1': [0, 0, 0, 0],
      '1-0': [1, 1, 1, 1],
      '1-1': [0, 0, 0, 0],
    });

    // Twice as much of L1H0 and a little of L1H1: by hand r is 0.995277 with x = 0, 0, 1, 0 and y = 0, 0, 0.5, 0.05.
    const other = place.at('published.json');
    writeFileSync(other, JSON.stringify({ '0-0': [0], '0-1': [0], '1-0': [0.4, 0.6], '1-1': [0.05] }));
    const { code, stdout, stderr } = await place.headscope([
      ...words,
      ...['--param', 'masked=', '--param', `published=${other}`, '--json', '-'],
    ]);
    assert.equal(code, 0, stderr);
    const { result, sections, offers } = JSON.parse(stdout) as AnalysisResult & {
      readonly result: RetrievalHeadResult;
    };
    assert.equal(result.published?.file, 'published.json');
    assert.ok(Math.abs(result.published.pearson - 0.995277) < 1e-6, String(result.published.pearson));
    assert.deepEqual([result.masked, result.published.heads], [[], 4]);
    assert.ok(sections.some(({ id }) => id === 'published'));
    const [masked, ...planned] = offers ?? [];
    assert.deepEqual(masked?.interventions, [{ kind: 'uniform', layer: 1, head: 0 }]);
    // A quarter of 4 heads is one: L1H0 has the highest score in the run and in the file.
    const [full, rest] = [{ kind: 'full' }, { kind: 'recent', sinks: 4, recent: 64 }];
    for (const { plan } of planned) {
      assert.deepEqual(plan?.heads, [
        [rest, rest],
        [full, rest],
      ]);
      const { method, settings, created } = plan.origin;
      assert.deepEqual([method, settings['keep'], created !== ''], ['retrieval-head', '25%', true]);
    }
    assert.deepEqual(
      planned.map(({ title }) => title),
      ['Cache plan by retrieval scores', 'Cache plan by the scores of published.json'],
    );
  });

  it('says before it runs what it cannot write or read', async () => {
    const refused = async (...more: string[]): Promise<string> => {
      const { code, stderr } = await place.headscope([...words, ...more]);
      assert.notEqual(code, 0, stderr);
      return stderr;
    };
    assert.match(await refused('--field', 'scores=x.json'), /names no field of Retrieval heads.*headScores/);
    const file = place.at('other.json');
    writeFileSync(file, '{"9-9": [1]}');
    assert.match(await refused('--param', `published=${file}`), /other\.json has scores of none of this model's heads/);
  });
});
