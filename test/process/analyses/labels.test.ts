/** `headscope run labels` and `headscope heads` are two ways to the same numbers. */
import assert from 'node:assert/strict';
import type { HeadsMeasured, LabelsResult } from '../../../protocol/results/labelled-heads';
import type { AnalysisRequest, AnalysisResult } from '../../../protocol/analysis/schema';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { headsOn } from '../../support/heads-call';
import { writePlantedCircuit } from '../../support/checkpoints/planted-circuit';
import { shortDemoLm } from '../../support/demo-models';
import { buildServer, Place } from '../model/support/model-server';

/** Tokens without order, each twice: what the planted circuit continues. */
const half = Array.from({ length: 30 }, (_, i) => 1 + ((i * 37) % 61));
const repeated = [0, ...half, ...half];

describe('labels from the command line', function () {
  this.timeout(120_000);
  let place: Place;
  before(async () => {
    await buildServer();
    place = new Place();
    writePlantedCircuit(place.at('model'));
  });
  after(() => place.remove());

  const planted = (change: Partial<AnalysisRequest> = {}): AnalysisRequest => ({
    analysis: 'labels',
    folder: place.at('model'),
    input: { kind: 'prompt', prompt: { kind: 'ids', ids: repeated } },
    parameters: { causal: true },
    interventions: [],
    seed: 0,
    ...change,
  });
  const off = (layer: number, head: number) => [{ kind: 'gain', layer, head, gain: 0 }] as const;

  const sameNumbers = ({ result }: AnalysisResult, heads: HeadsResult, what: string): void => {
    const { tokens, ...numbers } = result as LabelsResult;
    assert.equal(tokens, heads.ids.length, what);
    const { statistics, groups, classes, labelScores, classAblations } = heads;
    assert.deepEqual(numbers, { statistics, groups, classes, labelScores, classAblations }, what);
    assert.ok(classes.length > 0 && (classAblations?.length ?? 0) > 0, what);
  };

  it('agree with headscope heads number for number', async () => {
    const words = [shortDemoLm, '--prompt', 'Mr Brown saw the cat. Mr Brown saw the cat again.'];
    const json = async <T>(...more: string[]): Promise<T> => {
      const { code, stdout, stderr } = await place.headscope([...more, '--json', '-']);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as T;
    };
    const run = await json<AnalysisResult>('run', 'labels', ...words, '--param', 'causal=true');
    const heads = await json<HeadsResult>('heads', ...words, '--causal');
    sameNumbers(run, heads, 'demo model');
    const params = ['--param', 'causal=true', '--param', 'pictures=false'];
    const { result } = await json<AnalysisResult>('run', 'heads', ...words, ...params);
    const { tokens, texts, chunk, ...numbers } = result as HeadsMeasured;
    const { statistics, groups, topKeys, classes, labelScores, classAblations } = heads;
    assert.deepEqual(numbers, { statistics, groups, topKeys, classes, labelScores, classAblations });
    assert.deepEqual([tokens, texts, chunk], [heads.ids.length, heads.tokens, heads.settings['chunk']]);
  });

  it('agree under interventions and with another seed', async () => {
    const client = place.client();
    for (const { interventions, seed } of [
      { interventions: [], seed: 0 },
      { interventions: off(1, 0), seed: 4 },
      // Means the same on every sequence.
      { interventions: [{ kind: 'head', layer: 1, head: 1, source: { from: 'zero' } }], seed: 5 },
    ] as const) {
      const result = await headsOn(client, {
        folder: place.at('model'),
        prompt: { kind: 'ids', ids: repeated },
        interventions,
        classify: true,
        causal: true,
        thumbnails: false,
        seed,
      });
      sameNumbers(await client.call('analysis', [planted({ interventions, seed })]), result, `seed ${seed}`);
    }
  });

  it('refuse what acts on positions of the prompt', async () => {
    const bias = { kind: 'bias', layer: 1, head: 0, keys: { start: 1, end: 3 }, bias: 1 } as const;
    await assert.rejects(
      place.client().call('analysis', [planted({ interventions: [bias] })]),
      /acts on positions of this prompt, and labels are measured on other sequences/,
    );
  });

  it('say what was found, and no more', async () => {
    const client = place.client();
    const found = await client.call('analysis', [planted()]);
    assert.match(
      found.finding,
      /^2 of 4 heads have a label: 1 previous token, 1 induction\. Without the (previous token|induction) head the loss on a repeated random sequence, second half, was \d+(\.\d+)? nats per token higher\.$/,
    );
    assert.deepEqual(
      found.offers?.map(({ title, interventions }) => [title, interventions]),
      [
        ['Without the previous token head', off(0, 0)],
        ['Without the induction head', off(1, 0)],
      ],
    );
    const unchecked = await client.call('analysis', [planted({ parameters: { nullSequences: 9 } })]);
    assert.equal(unchecked.finding, '2 of 4 heads have a label: 1 previous token, 1 induction.');
    assert.ok(unchecked.sections.every(({ id }) => id !== 'together'));
    assert.equal((unchecked.result as LabelsResult).labelScores.induction?.nullSeeds, 9);
    await assert.rejects(
      client.call('analysis', [planted({ parameters: { nullSequences: 2 } })]),
      /labels\.nullSequences must be a whole number from 3 to 32, not 2/,
    );
  });

  it('a head of a section can be asked for, and two results compared', async () => {
    const client = place.client();
    const plain = await client.call('analysis', [planted()]);
    for (const question of [
      { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } },
      { section: 'labelled', place: { kind: 'row', row: 0 } },
    ] as const) {
      const map = await client.call('askAnalysis', [plain, question]);
      const rows = map.kind === 'map' ? map.values : assert.fail(map.kind);
      assert.equal(rows.length, repeated.length);
      // The planted head reads the token before.
      rows.slice(1).forEach((row, i) => assert.ok((row[i] ?? 0) > 0.99, `query ${i + 1}`));
    }
    const without = await client.call('analysis', [planted({ interventions: off(0, 0) })]);
    const rowsOf = (id: string) => {
      const section = sections.find((one) => one.id === id);
      return section?.kind === 'table' ? section.rows : assert.fail(id);
    };
    const sections = await client.call('compareAnalyses', [plain, without]);
    // Without the head before it, the other finds nothing.
    assert.deepEqual(
      rowsOf('changed-labels').map((row) => row.slice(0, 3)),
      [[{ layer: 1, head: 0 }, 'induction', '–']],
    );
    assert.deepEqual(rowsOf('changed-scores')[0]?.slice(0, 2), [{ layer: 1, head: 0 }, 'induction']);
  });
});
