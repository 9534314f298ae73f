import assert from 'node:assert/strict';
import type { ImportTarget } from '../../../../protocol/plans/formats/format';
import { planFormat, planFormats } from '../../../../protocol/plans/formats/formats';
import { headPlanText, type HeadPlan } from '../../../../protocol/plans/head-plan';
import type { Plan } from '../../../../protocol/plans/plan-file';

const target: ImportTarget = {
  model: { name: 'toy', hash: 'abc', headDim: 8, heads: 4 },
  layers: 2,
  kvHeads: 2,
  title: 'Imported',
  created: '2026-11-27T00:00:00.000Z',
  headscope: '0.1.0',
  note: 'toy.csv',
};

const heads: readonly (readonly HeadPlan[])[] = [
  [{ kind: 'full' }, { kind: 'recent', sinks: 4, recent: 64, share: 0.2, mean: true }],
  [
    { kind: 'span', alpha: -128, beta: 0.5, sinks: 4 },
    { kind: 'recent', sinks: 0, recent: 8 },
  ],
];

const rows = [
  'layer,head,kind,keeps',
  '0,0,full,full',
  '0,1,recent,"4+max(64,0.2n)+mean"',
  '1,0,span,"span(-128+0.5n,4)"',
  '1,1,recent,0+8',
];

const imported = (text: string) => planFormat('table')?.import?.(text, target);
const why = (text: string): string => {
  const read = imported(text);
  return read?.ok === false ? read.why : 'read';
};

describe('formats of plans', () => {
  it('have ids of their own and do something', () => {
    assert.equal(new Set(planFormats.map(({ id }) => id)).size, planFormats.length);
    for (const format of planFormats) assert.equal(format.import !== undefined || format.export !== undefined, true);
  });

  it('write and read a table, a row a key/value head', () => {
    const read = imported(rows.join('\n'));
    const plan: Plan | undefined = read?.ok ? read.result : undefined;
    assert.deepEqual(plan?.heads, heads);
    assert.deepEqual(plan.origin, {
      method: 'imported',
      settings: {},
      seed: 0,
      created: target.created,
      headscope: '0.1.0',
      note: 'toy.csv',
    });
    const text = planFormat('table')?.export?.(plan);
    assert.deepEqual(text, { ok: true, result: rows.map((row) => `${row}\r\n`).join('') });
  });

  it('say what is wrong with a table', () => {
    assert.equal(why('layer;head'), 'The first line of the table is not "layer,head,kind,keeps".');
    assert.equal(why(rows.slice(0, 4).join('\n')), 'The table has no row for key/value head 1 of layer 1.');
    assert.equal(
      why([...rows, '2,0,full,full'].join('\n')),
      'Line 6 names key/value head 0 of layer 2, and toy has 2 layers of 2.',
    );
    assert.equal(why([...rows, '0,0,full,full'].join('\n')), 'Line 6 names key/value head 0 of layer 0 again.');
    assert.equal(
      why([...rows.slice(0, 4), '1,1,recent,lots'].join('\n')),
      'Line 5 of the table is not a layer, a head, a kind and what the head keeps, e.g. "0,1,recent,4+64".',
    );
  });

  const plan = (rows: Plan['heads'], title = 'Half'): Plan => {
    const read = imported(
      ['layer,head,kind,keeps', '0,0,full,full', '0,1,full,full', '1,0,full,full', '1,1,full,full'].join('\n'),
    );
    if (read?.ok !== true) throw new TypeError('the table is read');
    return { ...read.result, title, heads: rows };
  };
  const full: HeadPlan = { kind: 'full' };
  const stream: HeadPlan = { kind: 'recent', sinks: 4, recent: 64 };
  const window = (recent: number): HeadPlan => ({ kind: 'recent', sinks: 0, recent });
  const written = (id: string, ...given: Parameters<typeof plan>): string => {
    const text = planFormat(id)?.export?.(plan(...given));
    return text?.ok ? text.result : (text?.why ?? 'no export');
  };

  it('write a press of kvpress, whose title cannot add a line of code', () => {
    const text = written('kvpress', [
      [full, stream],
      [stream, stream],
    ]);
    assert.match(text, /^STREAMING = \[\n {4}\[0, 1\],\n {4}\[1, 1\],\n\]$/mu);
    assert.match(text, /self\.sink_size, self\.recent_size = 4, 64$/mu);
    assert.match(text, /^press = PlanPress\(head_compression_ratio=0\.75\)$/mu);
    const lines = written(
      'kvpress',
      [
        [full, full],
        [full, full],
      ],
      'a\nimport os\r\nb',
    ).split(/[\r\n]/u);
    assert.equal(
      lines.some((line) => line.startsWith('import os')),
      false,
    );
    assert.match(
      written('kvpress', [
        [full, stream],
        [full, window(8)],
      ]),
      /two kinds of heads/u,
    );
    assert.match(
      written('kvpress', [
        [full, window(0)],
        [full, full],
      ]),
      /cannot keep 0 recent positions/u,
    );
    const appended: HeadPlan = { kind: 'recent', sinks: 4, recent: 64, append: true };
    assert.match(
      written('kvpress', [
        [full, appended],
        [full, full],
      ]),
      /ratio=0\.25/u,
    );
  });

  it('write windows of layers: a query that reads 8 positions before it and itself has a window of 9', () => {
    const text = written('layer-types', [
      [window(8), window(8)],
      [full, full],
    ]);
    assert.deepEqual(JSON.parse(text), { layer_types: ['sliding_attention', 'full_attention'], sliding_window: 9 });
    assert.deepEqual(
      JSON.parse(
        written('layer-types', [
          [full, full],
          [full, full],
        ]),
      ),
      {
        layer_types: ['full_attention', 'full_attention'],
      },
    );
    assert.match(
      written('layer-types', [
        [full, window(8)],
        [full, full],
      ]),
      /layer 0 keeps full, 0\+8\./u,
    );
    assert.match(
      written('layer-types', [
        [full, full],
        [stream, stream],
      ]),
      /layer 1 keeps 4\+64\./u,
    );
    assert.match(
      written('layer-types', [
        [window(8), window(8)],
        [window(9), window(9)],
      ]),
      /8 and 9 positions/u,
    );
  });

  it('read retrieval scores: the best query head of each key/value head, and what keeps everything', () => {
    const scores = JSON.stringify({ '0-0': [0.1], '0-1': [0.5, 0.1], '1-2': [0.9], '1-3': [0] });
    const read = (settings: ImportTarget['settings']) => {
      const plan = planFormat('retrieval-scores')?.import?.(scores, { ...target, ...(settings ? { settings } : {}) });
      return plan?.ok ? plan.result.heads.map((row) => row.map(headPlanText)) : plan?.why;
    };
    // By head 0.3, none; none, 0.9: a quarter of 4 heads is one.
    assert.deepEqual(read(undefined), [
      ['4+64', '4+64'],
      ['4+64', 'full'],
    ]);
    assert.deepEqual(read({ keep: '>0.2', sinks: 1, recent: 8 }), [
      ['full', '1+8'],
      ['1+8', 'full'],
    ]);
    assert.match(String(read({ keep: 'most' })), /does not say which heads keep everything/);
    assert.match(String(read({ kept: 8 })), /^There is no setting "kept"/);
  });
});
