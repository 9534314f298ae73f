/** What plans keep, counted by hand; bytes by the formulas of the papers; files that come back as they were. */
import assert from 'node:assert/strict';
import { planIntervention } from '../../../../protocol/interventions/plan';
import { headPlanText, parseHeadPlan, type HeadPlan } from '../../../../protocol/plans/head-plan';
import { droppedBefore, heldOf, rowsHeld } from '../../../../protocol/plans/held';
import { cacheWords } from '../../../../protocol/plans/cache-size';
import { lengthsWithin } from '../../../../protocol/plans/lengths';
import { planBytes } from '../../../../protocol/plans/plan-bytes';
import { parsePlan, planText, type Plan } from '../../../../protocol/plans/plan-file';

const recent = (sinks: number, newest: number, more: object = {}): HeadPlan => ({
  kind: 'recent',
  sinks,
  recent: newest,
  ...more,
});

describe('what a head keeps', () => {
  it('is written and read back', () => {
    for (const [text, plan] of [
      ['full', { kind: 'full' }],
      ['4+64', recent(4, 64)],
      ['4+max(64,0.2n)+mean', recent(4, 64, { share: 0.2, mean: true })],
      ['0+16+append', recent(0, 16, { append: true })],
      ['span(-128+0.5n,4)', { kind: 'span', alpha: -128, beta: 0.5, sinks: 4 }],
      ['span(256+0n,64,128,64)', { kind: 'span', alpha: 256, beta: 0, sinks: 64, least: 128, multiple: 64 }],
      [
        'kept(0-3,9)',
        {
          kind: 'kept',
          ranges: [
            { start: 0, end: 4 },
            { start: 9, end: 10 },
          ],
        },
      ],
    ] as const) {
      assert.equal(headPlanText(plan), text);
      assert.deepEqual(parseHeadPlan(text), plan);
    }
    for (const text of ['', '4', '4+', 'span(1,2)', 'kept(3-1)', '4+64+middle', 'half']) {
      assert.equal(parseHeadPlan(text), undefined, text);
    }
  });

  it('of sinks and recents: the query reads sinks, recents and itself', () => {
    const held = heldOf(recent(2, 3), 100);
    assert.deepEqual(droppedBefore(held, 100, 5), []);
    assert.deepEqual(droppedBefore(held, 100, 6), [{ start: 2, end: 3 }]);
    assert.deepEqual(droppedBefore(held, 100, 10), [{ start: 2, end: 7 }]);
    assert.deepEqual(
      [4, 5, 6, 50].map((length) => rowsHeld(held, 100, length)),
      [4, 5, 5, 5],
    );
  });

  it('of a span is MoA’s cache size: whole blocks, at least 128, capped by what there is', () => {
    const size = (alpha: number, beta: number, n: number): number =>
      rowsHeld(heldOf({ kind: 'span', alpha, beta, sinks: 64, least: 128, multiple: 64 }, n), n, n);
    assert.equal(size(0, 0.25, 4096), 1024);
    assert.equal(size(-1024, 0.5, 4100), 1088);
    assert.equal(size(-1024, 0.5, 2048), 128);
    assert.equal(size(2048, 0.5, 1000), 1000);
    assert.equal(size(0, 1, 5000), 5000);
  });

  it('of chosen positions keeps them and what follows the prompt', () => {
    const held = heldOf(
      {
        kind: 'kept',
        ranges: [
          { start: 0, end: 2 },
          { start: 5, end: 6 },
        ],
      },
      8,
    );
    assert.deepEqual(droppedBefore(held, 8, 7), []);
    assert.deepEqual(droppedBefore(held, 8, 8), [
      { start: 2, end: 5 },
      { start: 6, end: 8 },
    ]);
    assert.deepEqual(
      [8, 10].map((length) => rowsHeld(held, 8, length)),
      [3, 5],
    );
  });
});

describe('bytes of a plan', () => {
  it('are those of DuoAttention: 2 b d (full heads N + the others min(N, s + r))', () => {
    const heads = [
      [{ kind: 'full' }, recent(64, 256)],
      [recent(64, 256), recent(64, 256)],
    ] as const;
    assert.deepEqual(planBytes(heads, 128, 10_000, { bytesPerNumber: 2 }), {
      plan: 2 * 2 * 128 * (10_000 + 3 * 320),
      full: 2 * 2 * 128 * 4 * 10_000,
    });
    assert.equal(planBytes(heads, 128, 300).plan, planBytes(heads, 128, 300).full);
  });

  it('of RazorAttention with 15 % of the heads and a fifth of the cache are 3.125 times smaller at a million tokens', () => {
    const other = recent(4, 4000, { share: 0.2, mean: true });
    const heads = Array.from({ length: 20 }, (_, head): HeadPlan => (head < 3 ? { kind: 'full' } : other));
    const { plan, full } = planBytes([heads], 128, 1e6);
    assert.ok(Math.abs(full / plan - 3.125) < 3.125e-3, `${full / plan}`);
  });

  it('count a window of the model once: no later query reads more than window - 1', () => {
    // The first position has left the window: 7 and 2 rows. At 5 positions nothing has: 5, and the first with the last two.
    const heads = [[{ kind: 'full' }, recent(1, 2)]] as const;
    assert.deepEqual(planBytes(heads, 4, 50, { windows: [8] }), { plan: 8 * 4 * 9, full: 8 * 4 * 14 });
    assert.deepEqual(planBytes(heads, 4, 5, { windows: [8] }), { plan: 8 * 4 * 8, full: 8 * 4 * 10 });
  });

  it('of means inside a window are those of the window; of a window that its recents fill there is no mean', () => {
    const mean = (newest: number): readonly HeadPlan[] => [recent(1, 2), recent(1, newest, { mean: true })];
    assert.equal(planBytes([mean(3)], 4, 50, { windows: [8] }).plan, 8 * 4 * 14);
    assert.equal(planBytes([mean(7)], 4, 50, { windows: [8] }).plan, 8 * 4 * 9);
    assert.equal(planBytes([mean(7)], 4, 50).plan, 8 * 4 * (3 + 9));
  });
});

describe('the cache of a text', () => {
  it('is said in words, with the layers that save nothing', () => {
    const size = { bytes: 78336, bytesFull: 216576, allocated: 96000, maskedLayers: 0 };
    assert.equal(cacheWords(size), 'The caches hold 78.3 kB of 217 kB.');
    assert.equal(
      cacheWords({ ...size, maskedLayers: 1 }),
      'The caches hold 78.3 kB of 217 kB. 1 layer holds all positions and drops them by masks: the same numbers, without the saving.',
    );
    assert.match(cacheWords({ ...size, maskedLayers: 3 }), / 3 layers hold all positions and drop them by masks/);
  });
});

describe('lengths at which caches are counted', () => {
  it('end at the context, with its half and quarter where it is short', () => {
    const usual = [4096, 8192, 16_384, 32_768, 65_536];
    assert.deepEqual(lengthsWithin(usual, undefined), usual);
    assert.deepEqual(lengthsWithin(usual, 1_000_000), usual);
    assert.deepEqual(lengthsWithin(usual, 32_768), [4096, 8192, 16_384, 32_768]);
    assert.deepEqual(lengthsWithin(usual, 40_000), [4096, 8192, 16_384, 32_768, 40_000]);
    assert.deepEqual(lengthsWithin(usual, 1024), [256, 512, 1024]);
    assert.deepEqual(lengthsWithin(usual, 8192), [2048, 4096, 8192]);
    assert.deepEqual(lengthsWithin(usual, 2), [1, 2]);
  });
});

describe('a plan file', () => {
  const plan: Plan = {
    kind: 'headscope-plan',
    version: 1,
    title: 'Retrieval heads',
    model: { name: 'demo-lm', hash: 'abc', headDim: 32, heads: 6 },
    heads: [
      [{ kind: 'full' }, recent(4, 64, { mean: true })],
      [recent(4, 64), { kind: 'kept', ranges: [{ start: 0, end: 9 }] }],
    ],
    prompt: 40,
    origin: {
      method: 'razorattention',
      settings: { induction: 0.14 },
      seed: 3,
      created: '2026-11-27T00:00:00Z',
      headscope: '0.1.0',
    },
  };

  it('is one head a line, and comes back as it was', () => {
    const text = planText(plan);
    assert.ok(text.split('\n').includes('      {"kind":"recent","sinks":4,"recent":64,"mean":true}'));
    assert.deepEqual(parsePlan(text), { ok: true, result: plan });
  });

  it('says what is wrong in it', () => {
    const without = { ...plan, prompt: undefined };
    const outside = { ...plan, heads: [[{ kind: 'recent', sinks: -1, recent: 4 }]] };
    for (const [broken, expected] of [
      [JSON.stringify(without), /length of its prompt/],
      [JSON.stringify(outside), /sinks/],
      [JSON.stringify({ ...plan, version: 2 }), /format 2/],
      ['{', /JSON/],
    ] as const) {
      const read = parsePlan(broken);
      assert.ok(!read.ok);
      assert.match(read.why, expected);
    }
  });

  it('becomes one intervention with a rule for all heads that keep alike', () => {
    assert.deepEqual(
      planIntervention(
        [
          [{ kind: 'full' }, recent(4, 64)],
          [recent(4, 64), recent(4, 64)],
        ],
        'dense',
      ),
      {
        kind: 'plan',
        rules: [
          { heads: [{ layer: 0, head: 0 }], keep: { kind: 'full' } },
          {
            heads: [
              { layer: 0, head: 1 },
              { layer: 1, head: 0 },
              { layer: 1, head: 1 },
            ],
            keep: recent(4, 64),
          },
        ],
        prefill: 'dense',
      },
    );
  });
});
