/** `headscope plan` on a model whose induction head is planted: derived, shown, written and read in another form, evaluated. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { EvaluatedPlan } from '../../../diagnostics/plans/plan-evaluation/result';
import type { Plan } from '../../../protocol/plans/plan-file';
import { writePlantedCircuit } from '../../support/checkpoints/planted-circuit';
import { buildServer, Place } from '../model/support/model-server';

describe('cache plans from the command line', function () {
  this.timeout(60_000);
  let place: Place;
  const planIn = (name: string): Plan => JSON.parse(readFileSync(place.at(name), 'utf8')) as Plan;
  const done = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await place.headscope(['plan', ...words]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  before(async () => {
    await buildServer();
    place = new Place();
    writePlantedCircuit(place.at('model'));
  });
  after(() => place.remove());

  it('one is derived from retrieval scores; its evaluation finds what it keeps and what others lose', async () => {
    // 24 random tokens, then their beginning again: L0H0 reads the token before, L1H0 what stood there 24 tokens ago.
    const task = ['--task', 'induction', '--task-param', 'length=24'];
    const plan = place.at('derived.json');
    const cheap = [
      '--param',
      'masked=',
      '--param',
      'tokens=2',
      '--param',
      'keep=1',
      '--param',
      'sinks=1',
      '--param',
      'recent=2',
    ];
    const derived = await done(
      'derive',
      'retrieval-head',
      place.at('model'),
      ...task,
      '--samples',
      '2',
      ...cheap,
      '-o',
      plan,
    );
    assert.match(derived, /Cache plan by retrieval scores\. A plan of 4 key\/value heads in 2 layers/);
    const { heads, origin } = planIn('derived.json');
    const rest = { kind: 'recent', sinks: 1, recent: 2 };
    assert.deepEqual(heads, [
      [rest, rest],
      [{ kind: 'full' }, rest],
    ]);
    assert.equal(origin.settings['keep'], '1');

    const json = place.at('evaluated.json');
    const printed = await done(
      ...['evaluate', place.at('model'), '--plan', plan, '--prefill', 'spans', ...task, '--samples', '8'],
      ...[
        '--param',
        'random=2',
        '--param',
        'budgets=3',
        '--param',
        'sinks=1',
        '-o',
        place.at('measured.json'),
        '--json',
        json,
      ],
    );
    assert.match(printed, /the plan answers 8 of 8 prompts \(full cache 8, uniform plan 0, 2 random plans/);
    const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { readonly rows: readonly EvaluatedPlan[] };
    const [full, own, uniform] = rows;
    assert.deepEqual(
      rows.map((row) => row.kind),
      ['full', 'plan', 'uniform', 'random', 'random'],
    );
    assert.ok(full && own && uniform);
    assert.equal(own.bytesFull, full.bytes);
    assert.ok(uniform.bytes <= own.bytes && own.bytes < full.bytes / 2);
    assert.deepEqual([own.score, own.n, uniform.score], [1, 8, 0]);
    const [measure] = planIn('measured.json').measured ?? [];
    assert.deepEqual([measure?.score, measure?.full, measure?.n, measure?.bytes], [1, 1, 8, own.bytes]);
  });

  it('are shown, written as a table and read from one', async () => {
    const shown = await done('show', place.at('measured.json'), '--lengths', '1000');
    assert.match(shown, /^ +3 +1\+2 +keeps 1 first and 2 recent +L0KV0, L0KV1, L1KV1$/mu);
    // (3 × 3 + 1000) of 4000 positions.
    assert.match(shown, /^ *1,000 .* 25\.2 %$/mu);
    assert.match(shown, /^Induction, accuracy +1 /mu);
    const table = place.at('plan.csv');
    await done('export', place.at('measured.json'), 'table', '-o', table);
    await done('import', 'table', table, place.at('model'), '-o', place.at('read.json'), '--title', 'Read');
    const { heads, title, origin } = planIn('read.json');
    assert.deepEqual(
      [heads, title, origin.method, origin.note],
      [planIn('derived.json').heads, 'Read', 'imported', 'plan.csv'],
    );
  });

  it('what cannot be done is said, and nothing is written', async () => {
    const other = place.at('other.json');
    const derived = planIn('derived.json');
    writeFileSync(other, JSON.stringify({ ...derived, heads: derived.heads.slice(0, 1) }));
    const model = place.at('model');
    for (const [words, expected, wanted = 2] of [
      [['evaluate', model, '--plan', other, '--task', 'induction'], /is a plan of 1 layer, and .* has 2/],
      [['evaluate', model, '--param', 'rules=all', '--ids', '1,2,3'], /"all" are no rules of a plan/, 3],
      [['derive', 'labels', model, '--ids', '1,2,3,4', '-o', place.at('none.json')], /offers no cache plan here/],
      [['evaluate', model, '--ids', '1,2,3'], /No plan is named\. Give its file with --plan/],
      [['show', place.at('plan.csv')], /is not valid JSON/],
    ] as const) {
      const { code, stderr } = await place.headscope(['plan', ...words]);
      assert.equal(code, wanted, stderr);
      assert.match(stderr, expected);
    }
    assert.equal(existsSync(place.at('none.json')), false);
  });
});
