/** DuoAttention's published gates, read and written. */
import assert from 'node:assert/strict';
import type { ImportTarget } from '../../../../protocol/plans/formats/format';
import { planFormat } from '../../../../protocol/plans/formats/formats';
import type { HeadPlan } from '../../../../protocol/plans/head-plan';

const target: ImportTarget = {
  model: { name: 'toy', hash: 'abc', headDim: 8, heads: 4 },
  layers: 2,
  kvHeads: 2,
  title: 'Imported',
  created: '2026-11-27T00:00:00.000Z',
  headscope: '0.1.0',
};

/** What the table has no words for. */
const heads: readonly (readonly HeadPlan[])[] = [
  [{ kind: 'full' }, { kind: 'recent', sinks: 4, recent: 64, mean: true }],
  [{ kind: 'full' }, { kind: 'recent', sinks: 4, recent: 64 }],
];

describe('gates of DuoAttention', () => {
  // Two rows as numpy.savetxt writes them; a value below 0 is rounding of the authors' training.
  const text =
    '-1.000000000000000000e-04\t1.000000000000000000e+00\n7.343750000000000000e-01\t1.196861267089843750e-04\n';
  const format = planFormat('duoattention');
  const read = (given: string, settings?: ImportTarget['settings']) =>
    format?.import?.(given, { ...target, ...(settings ? { settings } : {}) });

  it('import as a choice by sparsity or threshold', () => {
    const half = read(text);
    const stream = { kind: 'recent', sinks: 64, recent: 256 };
    assert.ok(half?.ok);
    assert.deepEqual(half.result.heads, [
      [stream, { kind: 'full' }],
      [{ kind: 'full' }, stream],
    ]);
    assert.deepEqual(half.result.origin.settings, { sparsity: 0.5, sinks: 64, recent: 256 });
    const numbers = '[[-0.0001, 1], [0.7, 0.0001]]';
    for (const json of [numbers, `{"result": {"gates": ${numbers}}}`]) {
      const same = read(json);
      assert.ok(same?.ok);
      assert.deepEqual(same.result.heads, half.result.heads);
    }
    const few = read(text, { threshold: 0.8, sinks: 4, recent: 32 });
    assert.ok(few?.ok);
    assert.deepEqual(
      few.result.heads.map((layer) => layer.map(({ kind }) => kind)),
      [
        ['recent', 'full'],
        ['recent', 'recent'],
      ],
    );
  });

  it('export as ones and zeros, which import again', () => {
    const plan = read(text, { sparsity: 0.5, sinks: 4, recent: 32 });
    assert.ok(plan?.ok);
    const written = format?.export?.(plan.result);
    const [zero, one] = ['0.000000000000000000e+00', '1.000000000000000000e+00'];
    const table = `${zero}\t${one}\n${one}\t${zero}\n`;
    assert.deepEqual(written, { ok: true, result: `# deployed: sink_size=4 recent_size=32\n${table}` });
    const other = format?.export?.({ ...plan.result, heads });
    assert.ok(other?.ok === false);
    assert.match(other.why, /two kinds of heads/u);
  });

  const stream: HeadPlan = { kind: 'recent', sinks: 7, recent: 33 };
  const full: HeadPlan = { kind: 'full' };
  const choices: readonly (readonly [string, readonly (readonly HeadPlan[])[]])[] = [
    [
      'one head in four keeps everything',
      [
        [full, stream],
        [stream, stream],
      ],
    ],
    [
      'three do',
      [
        [full, full],
        [stream, full],
      ],
    ],
    [
      'all stream',
      [
        [stream, stream],
        [stream, stream],
      ],
    ],
    [
      'all keep everything',
      [
        [full, full],
        [full, full],
      ],
    ],
  ];
  for (const [name, choice] of choices) {
    it(`export a plan that imports as the same plan: ${name}`, () => {
      const plan = read(text);
      assert.ok(plan?.ok);
      const written = format?.export?.({ ...plan.result, heads: choice });
      const again = read(written?.ok ? written.result : '');
      assert.ok(again?.ok);
      assert.deepEqual(again.result.heads, choice);
      // What the release's loader reads: numpy.loadtxt leaves out lines that begin with #.
      const rows = (written?.ok ? written.result : '')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'));
      assert.deepEqual(
        rows.map((row) => row.split('\t').map(Number)),
        choice.map((row) => row.map(({ kind }) => (kind === 'full' ? 1 : 0))),
      );
    });
  }

  it('of a saved result import as its plan, with the sizes that it deploys', () => {
    const result = {
      gates: [
        [0.2, 0.9],
        [0.4, 0.3],
      ],
      sparsity: 0.75,
      deployed: { sinks: 7, recent: 33 },
      windows: { trainSinks: 128, trainRecent: 256 },
    };
    const plan = read(JSON.stringify({ result }));
    assert.ok(plan?.ok);
    assert.deepEqual(plan.result.heads, [
      [stream, full],
      [stream, stream],
    ]);
  });

  it('say what is wrong', () => {
    const of = (given: string, settings?: ImportTarget['settings']): string => {
      const found = read(given, settings);
      return found?.ok === false ? found.why : 'read';
    };
    assert.equal(of(''), 'The table of gates is empty.');
    assert.match(of('1\t0\n1\tlots\n'), /^Line 2 is no row of gates/u);
    assert.match(of('[[1, "lots"]]'), /a list of layers of gates/u);
    assert.equal(of('1\t0\n'), 'The file has 1 layers, and toy has 2.');
    assert.equal(of(text, { sparsity: 2 }), 'Sparsity and threshold are numbers from 0 to 1.');
    assert.match(of(text, { keep: 3 }), /^There is no setting "keep"/u);
  });
});
