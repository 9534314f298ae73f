/** Gates of DuoAttention on a model in which one head alone needs what is far back. */
import assert from 'node:assert/strict';
import { duoAttentionPlan } from '../../../diagnostics/plans/duoattention/analysis';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { plantedCircuit } from '../../support/checkpoints/planted-circuit';
import { answerFor, resultFor } from './one-run';

const input = { kind: 'none' } as const;
const prompts = {
  keys: 2,
  words: 5,
  shortest: 44,
  longest: 56,
  trainSinks: 1,
  trainRecent: 4,
  checks: 2,
  sparsity: 0.75,
};

describe('DuoAttention on a planted copy head', function () {
  this.timeout(60_000);
  let planted: OpenPlanted;
  before(async () => {
    planted = await openPlanted(plantedCircuit());
  });
  after(() => planted.close());

  it('the gate of the head that copies ends above 0.9, all others below 0.1; the choice alone answers', async () => {
    const asked = { input, parameters: { ...prompts, steps: 80 }, seed: 2 };
    const started = performance.now();
    const result = await resultFor(planted.model, duoAttentionPlan, asked);
    assert.ok(performance.now() - started < 60_000);
    assert.equal(result.curve[0]?.distance, 0, 'gates of 1 are the model itself');
    const gates = result.gates.map((row) => row.map((gate) => (gate > 0.9 ? 'high' : gate < 0.1 ? 'low' : gate)));
    assert.deepEqual(gates, [
      ['low', 'low'],
      ['high', 'low'],
    ]);
    assert.deepEqual(
      result.plan.map((row) => row.map(({ kind }) => kind)),
      [
        ['recent', 'recent'],
        ['full', 'recent'],
      ],
    );
    // What the release would deploy, not what it trains with.
    assert.deepEqual(result.config, { sink_size: result.deployed.sinks, recent_size: result.deployed.recent });
    assert.notEqual(result.config.recent_size, result.windows.trainRecent);
    const row = (name: string) => result.checks?.rows.find((each) => each.name === name);
    assert.ok(row('full cache')!.accuracy > 0.95);
    assert.ok(row('chosen heads')!.accuracy > 0.95);
    assert.ok(row('chosen heads')!.distance < 1e-6);
    assert.ok(row('uniform window')!.accuracy < 0.5);

    const place = { kind: 'head', layer: 1, head: 0 } as const;
    const table = await answerFor(planted.model, duoAttentionPlan, asked, result, { section: 'gates', place });
    assert.ok(table.kind === 'table');
    const distance = (name: string): number => Number(table.rows.find(([first]) => first === name)?.[2]);
    assert.equal(distance('full cache'), 0);
    assert.ok(distance('L1KV0 alone streams') > 1e-3);
    assert.ok(distance('chosen heads, L1KV0 streams too') > 1e-3);
  });

  it('with the penalty alone all gates go to 0: nothing lies behind the window', async () => {
    const parameters = { ...prompts, trainRecent: 80, steps: 70, checks: 0 };
    const { gates } = await resultFor(planted.model, duoAttentionPlan, { input, parameters });
    assert.deepEqual(gates, [
      [0, 0],
      [0, 0],
    ]);
  });

  it('one at a time, the head that copies is the one without which the distance grows', async () => {
    const parameters = { ...prompts, method: 'first-order', steps: 2, checks: 0 };
    const { gates, plan } = await resultFor(planted.model, duoAttentionPlan, { input, parameters });
    const [copy = 0, ...others] = [gates[1]?.[0] ?? 0, ...gates.flat().filter((_, at) => at !== 2)];
    assert.ok(
      others.every((distance) => distance < copy / 100),
      JSON.stringify(gates),
    );
    assert.equal(plan[1]?.[0]?.kind, 'full');
  });
});
