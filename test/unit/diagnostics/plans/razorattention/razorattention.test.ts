/** Lists, plan and scopes of RazorAttention on tables written by hand. */
import assert from 'node:assert/strict';
import { finding } from '../../../../../diagnostics/plans/razorattention/finding';
import { gridRun, gridSamples } from '../../../../../diagnostics/plans/razorattention/grid';
import { uniformScore } from '../../../../../diagnostics/plans/razorattention/probe';
import {
  chooseHeads,
  cutPlan,
  headCount,
  planOf,
  retrievalHeads,
} from '../../../../../diagnostics/plans/razorattention/selection';
import type { ModelRunner } from '../../../../../diagnostics/model-runner/model-runner';
import { planBytes } from '../../../../../protocol/plans/plan-bytes';
import { headPlanText } from '../../../../../protocol/plans/head-plan';
import { demoTokens } from '../../tasks/demo-tokens';

describe('RazorAttention: which heads keep everything', () => {
  it('ranks all layers together, takes the shares, at least one, and keeps the union', () => {
    const induction = [
      [0.1, 0.9],
      [0.5, 0.5],
    ];
    const echo = [
      [0.8, 0],
      [0, 0.7],
    ];
    const half = chooseHeads({ induction, echo }, { induction: 0.5, echo: 0.01 });
    // The first of the two heads with 0.5 is kept: a tie keeps no more.
    assert.deepEqual(half.induction, [
      { layer: 0, head: 1 },
      { layer: 1, head: 0 },
    ]);
    assert.deepEqual(half.echo, [{ layer: 0, head: 0 }]);
    assert.equal(retrievalHeads(half).length, 3);
    const both = chooseHeads({ induction, echo: induction }, { induction: 0.25, echo: 0.25 });
    assert.deepEqual(retrievalHeads(both), [{ layer: 0, head: 1 }]);
    assert.deepEqual(
      [headCount(0.14, 1024), headCount(0.01, 1024), headCount(0.01, 16), headCount(0, 16)],
      [143, 10, 1, 0],
    );
  });

  it('the others keep first positions, the newest ones, a share of long prompts, and the mean', () => {
    const cut = cutPlan({ sinks: 4, recent: 4000, compression: 5, compensation: true });
    const plan = planOf([2, 1], [{ layer: 0, head: 1 }], cut);
    assert.deepEqual(
      plan.map((layer) => layer.map(headPlanText)),
      [['4+max(4000,0.2n)+mean', 'full'], ['4+max(4000,0.2n)+mean']],
    );
  });

  it('with 15 % of the heads and C = 5 the caches are 3.125 times smaller at a million tokens', () => {
    const cut = cutPlan({ sinks: 4, recent: 4000, compression: 5, compensation: true });
    const full = [0, 1, 2].map((head) => ({ layer: 0, head }));
    const { plan, full: all } = planBytes(planOf([20], full, cut), 128, 1e6);
    assert.ok(Math.abs(all / plan / 3.125 - 1) < 1e-3, String(all / plan));
    const short = planBytes(planOf([20], full, cut), 128, 4004);
    assert.equal(short.plan, short.full, 'below S0 + N0 nothing is saved');
  });

  it('a head that reads everything alike has the mean of floor(i / K) / (i + 2) over the rows behind the first copy', () => {
    // K = 2 behind one token: rows 2 to 7.
    const expected = (1 / 4 + 1 / 5 + 2 / 6 + 2 / 7 + 3 / 8 + 3 / 9) / 6;
    assert.ok(Math.abs(uniformScore(2, 1) - expected) < 1e-15);
  });

  it('the finding says that the probe has not been read while any part of it is missing', () => {
    const head = { layer: 0, head: 0 };
    const whole = {
      induction: [[0.9, 0.1]],
      inductionHeads: [head],
      echoHeads: [head],
      bytes: [],
      retrieval: [{ ...head, inductionRank: 1, echoRank: 1 }],
    };
    assert.equal(finding(whole), '1 key/value head of 2 keeps everything (1 for induction, 1 for echo): L0KV0.');
    for (const missing of Object.keys(whole)) {
      assert.equal(finding({ ...whole, [missing]: undefined }), 'The probe has not been read yet.', missing);
    }
  });
});

describe('RazorAttention: the grid of pass keys', () => {
  const asked = { sinks: 1, compression: 5, gridPrompts: 6, gridLength: 400, gridRecent: 8 };

  it('has the prompts that were asked for, spread over the depths', async () => {
    const tokens = demoTokens();
    const model = {
      facts: {
        predicts: true,
        specialIds: tokens.specialIds,
        summary: { tokenizer: true, vocabulary: tokens.vocabulary },
      },
      encode: tokens.encode,
      decode: tokens.decode,
      prompt: ({ text }: { readonly text: string }) => Promise.resolve({ ids: [0, ...tokens.encode(text)] }),
    } as unknown as ModelRunner;
    const found = await gridSamples(model, asked, 1);
    assert.ok('samples' in found, JSON.stringify(found));
    assert.equal(found.samples.length, 6);
  });

  it('compares with a full cache in which all key/value heads are full', async () => {
    const model = {
      facts: { blocks: [{ kvHeads: 2 }, { kvHeads: 1 }], summary: { headDim: 8 } },
    } as unknown as ModelRunner;
    const scores = { induction: [[0.9, 0.1], [0.2]], echo: [[0, 0.8], [0]] };
    const running = gridRun(model, [], scores, asked, (_, act) => act());
    const { value } = await running.next();
    assert.ok(value && 'full' in value);
    assert.equal(value.full.heads, 3);
    // At least one induction head; with echo the other head of layer 0 too.
    assert.deepEqual(
      value.rows.map(({ heads }) => heads),
      [1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2],
    );
  });
});
