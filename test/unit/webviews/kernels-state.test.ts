import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'mocha';
import type { MechanismInfo } from '../../../protocol/compute/api';
import type { ShapeChoice, ToKernelsPanel } from '../../../protocol/panels/kernels';
import type {
  BenchmarkRow,
  BenchmarkSetup,
  BenchmarkResult,
  BenchmarkShape,
} from '../../../protocol/results/benchmark-schema';
import { comparisonWords } from '../../../webviews/panels/kernels/comparison';
import { circumstances, finding, within } from '../../../webviews/panels/kernels/finding';
import { readForm, sameSetup, takeShape, toForm, type Form } from '../../../webviews/panels/kernels/form';
import { tableRows } from '../../../webviews/panels/kernels/results-table';
import { estimateWords } from '../../../webviews/panels/kernels/controls-strip';
import { canonical } from '../../../webviews/ui/canonical';
import { linkOf, matching } from '../../../webviews/panels/kernels/mechanism-list';
import {
  canResume,
  initialState,
  isStale,
  keep,
  parseKept,
  receive,
  restore,
  runnableSetup,
  startRun,
  whyNot,
  type State,
} from '../../../webviews/panels/kernels/state';
import { continues } from '../../../webviews/ui/kept-form';

const load = (name: string): unknown =>
  JSON.parse(readFileSync(path.join(__dirname, '../../fixtures/webviews', name), 'utf8'));
const mechanisms = load('mechanisms.json') as readonly MechanismInfo[];
const shapes = load('shapes.json') as readonly ShapeChoice[];
const result = load('result.headscope-bench.json') as BenchmarkResult;
const { plan } = result;
const title = (id: string): string => mechanisms.find((one) => one.id === id)?.title ?? id;

const open = (change: Partial<Extract<ToKernelsPanel, { kind: 'open' }>> = {}): ToKernelsPanel => ({
  kind: 'open',
  place: 'full',
  mechanisms,
  devices: [],
  shapes,
  processors: 8,
  plan,
  canRun: true,
  ...change,
});
const opened = (...messages: readonly ToKernelsPanel[]): State =>
  [open(), ...messages].reduce(receive, initialState('full'));
const running = (...messages: readonly ToKernelsPanel[]): State => {
  const started = startRun(opened(), false);
  assert.ok(started);
  return messages.reduce(receive, started.state);
};
const point = (row: BenchmarkRow | undefined, final = true): ToKernelsPanel => {
  assert.ok(row);
  return { kind: 'row', row, final };
};

describe('the form of a plan', () => {
  it('shows a series of a mechanism of the workspace, and its form asks for what it asked for before', () => {
    const kernels = [{ id: 'own:mine', file: '/w/mine.headscope-kernel.ts', root: '/w' }];
    const series = { ...plan, mechanisms: ['own:mine'], kernels };
    const state = receive(initialState('full'), open({ measured: series }));
    assert.deepEqual(state.measuredSetup, series);
    assert.deepEqual(state.form?.mechanisms, plan.mechanisms);
    assert.ok(runnableSetup(state));
    const done = receive(state, { kind: 'result', result: { ...result, plan: series } });
    assert.equal(isStale(done), false);
    assert.deepEqual(done.form?.mechanisms, plan.mechanisms);
  });

  it('gives back the plan it was made from', () => {
    const reading = readForm(toForm(plan, shapes), mechanisms, 8);
    assert.deepEqual(reading, { ok: true, plan });
  });

  it('says for each field what is wrong', () => {
    const form = {
      ...toForm(plan, shapes),
      heads: '6',
      kvHeads: '4',
      batch: '0',
      lengths: 'x',
      secondsPerLength: '',
      mechanisms: [],
      threads: '-1',
      baseline: 'sliding-window',
      parameters: { 'sliding-window': { window: '0.5' } },
    };
    const reading = readForm(form, mechanisms, 8);
    assert.equal(reading.ok, false);
    const problems = reading.ok ? {} : reading.problems;
    assert.deepEqual(Object.keys(problems).sort(), [
      'batch',
      'kvHeads',
      'lengths',
      'mechanisms',
      'parameter:sliding-window:window',
      'secondsPerLength',
      'threads',
    ]);
  });

  it('takes what the compute server takes, and no more threads than the machine has processors', () => {
    const problem = (name: keyof Form, value: string): string | undefined => {
      const reading = readForm({ ...toForm(plan, shapes), kvHeads: '1', [name]: value }, mechanisms, 8);
      return reading.ok ? undefined : reading.problems[name];
    };
    for (const [name, taken, refused] of [
      ['heads', '4096', '5000'],
      ['seed', '4294967295', '4294967296'],
      ['lengths', '16777216', '16777217'],
      ['headDim', '65536', '65537'],
      ['secondsPerLength', '3600', '3601'],
      ['threads', '8', '9'],
    ] as const) {
      assert.equal(problem(name, taken), undefined, name);
      assert.ok(problem(name, refused), name);
    }
    assert.equal(
      problem('threads', '64'),
      'Threads is a whole number from 0 to 8, as many as this machine has processors.',
    );
  });

  it('does not hold a wrong parameter against a mechanism that is not chosen', () => {
    const form = { ...toForm(plan, shapes), mechanisms: ['tiled'], parameters: { linear: { chunk: 'many' } } };
    assert.equal(readForm(form, mechanisms, 8).ok, true);
  });

  it('keeps keys for the cross patterns only', () => {
    const form = { ...toForm(plan, shapes), keys: '77' };
    const self = readForm(form, mechanisms, 8);
    const cross = readForm({ ...form, pattern: 'noncausal-cross' }, mechanisms, 8);
    assert.equal(self.ok && self.plan.shape.keys, undefined);
    assert.equal(cross.ok && cross.plan.shape.keys, 77);
  });

  it('decodes in causal self-attention, whatever pattern was chosen before', () => {
    const form = { ...toForm(plan, shapes), mode: 'decode' as const, pattern: 'noncausal-cross' as const, keys: '77' };
    const reading = readForm(form, mechanisms, 8);
    assert.ok(reading.ok);
    const { mode, pattern, keys } = reading.plan.shape;
    assert.deepEqual([mode, pattern, keys], ['decode', 'causal-self', undefined]);
    assert.equal(toForm(reading.plan, shapes).mode, 'decode');
  });

  it('takes over a model, with its window where a mechanism has one', () => {
    const mistral = shapes.find(({ label }) => label.startsWith('Mistral'));
    assert.ok(mistral);
    const form = takeShape(toForm(plan, shapes), mistral, mechanisms);
    assert.deepEqual([form.heads, form.kvHeads, form.headDim, form.origin], ['32', '8', '128', mistral.label]);
    assert.deepEqual(form.parameters['sliding-window'], { window: '4096' });
  });

  it('compares plans by what is measured', () => {
    assert.equal(sameSetup(plan, { ...plan, done: result.rows, origin: 'elsewhere' }), true);
    assert.equal(sameSetup(plan, { ...plan, threads: 9 }), false);
    assert.equal(canonical({ b: 1, a: { d: [2, 1], c: undefined } }), '{"a":{"d":[2,1]},"b":1}');
  });
});

describe('the state of the kernels panel', () => {
  it('runs what can run and leaves out what cannot, with the reason', () => {
    const state = opened({ kind: 'supports', supports: [{ mechanism: 'tiled', ok: false, why: 'Too wide.' }] });
    const tiled = mechanisms.find(({ id }) => id === 'tiled');
    assert.ok(tiled);
    assert.equal(whyNot(state, tiled), 'Too wide.');
    assert.deepEqual(
      runnableSetup(state)?.mechanisms,
      plan.mechanisms.filter((id) => id !== 'tiled'),
    );
  });

  it('has nothing to run without a baseline that runs', () => {
    assert.equal(
      runnableSetup(opened({ kind: 'supports', supports: [{ mechanism: 'fused', ok: false, why: 'No.' }] })),
      undefined,
    );
  });

  it('replaces a point while it is measured and counts only those that are final', () => {
    const [first, second] = result.rows;
    const state = running(point(first), point(second, false), point(second, false));
    assert.equal(state.rows.length, 2);
    assert.equal(state.provisional.length, 1);
    assert.equal(receive(state, point(second)).provisional.length, 0);
  });

  it('resumes with the final points, after a failure without the unfinished one', () => {
    const failed = running(point(result.rows[0]), point(result.rows[1], false), { kind: 'failed', sentence: 'Ended.' });
    assert.equal(canResume(failed), true);
    assert.deepEqual(startRun(failed, true)?.plan.done, [result.rows[0]]);
    assert.equal(startRun(failed, false)?.plan.done, undefined);
  });

  it('measures again what was stopped while it was timed', () => {
    const [first, second] = result.rows;
    assert.ok(first && second);
    const half: BenchmarkRow = { ...second, notes: ['cancelled'] };
    const state = receive(running(), {
      kind: 'result',
      result: { ...result, rows: [first, half], state: 'cancelled' },
    });
    assert.deepEqual(startRun(state, true)?.plan.done, [first]);
  });

  it('measures again what was refused for memory or by the runtime, which may do by now; what is wrong stays so', () => {
    const [first, second, third] = result.rows;
    assert.ok(first && second && third);
    const refused = (refusal: 'memory' | 'runtime' | 'wrong'): State =>
      receive(running(), {
        kind: 'result',
        result: {
          ...result,
          rows: [first, { mechanism: second.mechanism, length: second.length, ok: false, reason: 'No.', refusal }],
          state: 'cancelled',
        },
      });
    assert.deepEqual(startRun(refused('memory'), true)?.plan.done, [first]);
    assert.deepEqual(startRun(refused('runtime'), true)?.plan.done, [first]);
    assert.equal(startRun(refused('wrong'), true)?.plan.done?.length, 2);
  });

  it('does not resume another plan, and says that what is shown is stale', () => {
    const failed = running(point(result.rows[0]), { kind: 'failed', sentence: 'Ended.' });
    assert.ok(failed.form);
    const edited = { ...failed, form: { ...failed.form, batch: '2' } };
    assert.equal(canResume(edited), false);
    assert.equal(isStale(edited), true);
    assert.equal(isStale(failed), false);
  });

  it('is not stale, and asks for nothing, when it shows a file', () => {
    const state = receive(initialState('file'), open({ place: 'file', mechanisms: [], result }));
    assert.equal(isStale(state), false);
    assert.equal(state.rows.length, result.rows.length);
  });

  it('starts nothing twice and nothing where it may not', () => {
    assert.equal(startRun(running(), false), undefined);
    assert.equal(startRun(opened(open({ canRun: 'Not trusted.' })), false), undefined);
  });

  it('survives a reload with its rows, and drops them for another plan', () => {
    const before = running(point(result.rows[0]), point(result.rows[1], false));
    const kept = parseKept(JSON.parse(JSON.stringify(keep(before, [canonical(plan)]))));
    assert.ok(kept);
    assert.deepEqual(kept.rows, [result.rows[0]]);
    assert.equal(continues(kept, plan), true);
    const same = receive(restore(initialState('full'), kept), open());
    assert.deepEqual(same.rows, [result.rows[0]]);
    const other = receive(restore(initialState('full'), kept), open({ plan: { ...plan, threads: 7 } }));
    assert.deepEqual(other.rows, []);
  });

  it('takes no state of another version', () => {
    for (const value of [undefined, null, 3, 'text', {}, { version: 2 }, { version: 1, rows: [] }])
      assert.equal(parseKept(value), undefined);
  });

  it('keeps the points of a run that goes on when the extension opens it anew', () => {
    const state = receive(running(point(result.rows[0])), open());
    assert.equal(state.phase.kind, 'running');
    assert.equal(state.rows.length, 1);
  });

  it('forgets an earlier result when a run of another plan is opened', () => {
    const state = receive(
      opened({ kind: 'result', result, savedAs: 'a.json' }),
      open({ plan: { ...plan, threads: 7 } }),
    );
    assert.deepEqual([state.rows.length, state.result, state.savedAs], [0, undefined, undefined]);
  });
});

describe('the list of mechanisms', () => {
  const ids = (filter: string): readonly string[] => matching(mechanisms, filter).map(({ id }) => id);

  it('is filtered by every word of a name, family, summary or source', () => {
    assert.deepEqual(
      ids(''),
      mechanisms.map(({ id }) => id),
    );
    assert.ok(ids('WINDOW').includes('sliding-window') && ids('window').length < mechanisms.length);
    assert.deepEqual(ids('2004.05150 sliding'), ['sliding-window']);
    assert.deepEqual(ids('no such word'), []);
  });
});

describe('the estimate of a run', () => {
  it('has the proofs in it as soon as the compute server has answered', () => {
    const three = {
      ...plan,
      mechanisms: ['fused', 'tiled'],
      baseline: 'fused',
      secondsPerLength: 4,
      measureMemory: false,
    };
    const two = { ...three, shape: { ...plan.shape, lengths: [512, 1024] } };
    assert.equal(estimateWords({ supports: [] }, two), '4 points: at most 8 s of timing, besides checks and warm-up.');
    const supports = [
      { mechanism: 'fused', ok: true, checkSeconds: 1.5 },
      { mechanism: 'tiled', ok: true, checkSeconds: 2.5 },
      { mechanism: 'linear', ok: true, checkSeconds: 99 },
    ];
    assert.equal(
      estimateWords({ supports }, two),
      '4 points: at most 8 s of timing and about 4 s of checks against float64, besides warm-up.',
    );
  });
});

describe('the finding', () => {
  const rowsOf = (rows: readonly BenchmarkRow[]): State =>
    receive(opened(), { kind: 'result', result: { ...result, rows } });
  const base: BenchmarkRow = { mechanism: 'fused', length: 8192, ok: true, medianMs: 100, peakBytes: 100 };
  const tiled = (median: number, p: number): BenchmarkRow => ({
    mechanism: 'tiled',
    length: 8192,
    ok: true,
    medianMs: 100 / median,
    peakBytes: 90,
    ratioToBaseline: { median, low: median * 0.99, high: median * 1.01, p },
  });
  const said = (...rows: readonly BenchmarkRow[]): string =>
    finding(rowsOf(rows), title).replace(/ Stopped after.*/, '');

  it('names the fastest that is told apart, with its test and memory', () => {
    assert.equal(
      said(base, tiled(1.24, 1e-6)),
      'Tiled is 1.24x faster than fused at 8,192 tokens (95 % 1.23 to 1.25, p < 0.001), with 0.90x its memory.',
    );
  });

  it('names what is told apart before a higher ratio that is not', () => {
    const linear: BenchmarkRow = { ...tiled(2.5, 0.0938), mechanism: 'linear' };
    const window: BenchmarkRow = { ...tiled(1.79, 0.0313), mechanism: 'sliding-window' };
    assert.equal(
      said(base, linear, window),
      'Sliding window is 1.79x faster than fused at 8,192 tokens (95 % 1.77 to 1.81, p = 0.0313), with 0.90x its memory.',
    );
    assert.equal(
      said(base, linear, tiled(0.5, 1e-6)),
      'No mechanism is faster than fused at 8,192 tokens; linear does not differ from it significantly (ratio 2.50, 95 % 2.48 to 2.52, p = 0.0938).',
    );
  });

  it('claims nothing where the test does not', () => {
    assert.equal(
      said(base, tiled(1.24, 0.4)),
      'No mechanism is faster than fused at 8,192 tokens; tiled does not differ from it significantly (ratio 1.24, 95 % 1.23 to 1.25, p = 0.400).',
    );
    assert.equal(
      said(base, tiled(1.01, 1e-9)),
      'No mechanism is faster than fused at 8,192 tokens; tiled does not differ from it significantly (ratio 1.01, 95 % 1.00 to 1.02, p < 0.001).',
    );
  });

  it('says what a slower one takes', () => {
    assert.equal(
      said(base, tiled(0.5, 1e-6)),
      'No mechanism is faster than fused at 8,192 tokens; the nearest, tiled, takes 2.00x its time (95 % 1.98 to 2.02, p < 0.001).',
    );
  });

  it('does not call the range of few pairs a 95 % interval', () => {
    assert.match(
      said(base, { ...tiled(1.24, 0.06), notes: ['few-pairs'] }),
      /\(ratio 1\.24, few pairs from 1\.23 to 1\.25, p = 0\.0600\)/,
    );
  });

  it('begins with the cancelling of a run that was cancelled', () => {
    const rows = [base, tiled(1.24, 1e-6)];
    const state = receive(opened(), { kind: 'result', result: { ...result, rows, state: 'cancelled' } });
    assert.match(
      finding(state, title),
      /^Cancelled after 2 of 30 points\. Tiled is 1\.24x faster than fused .*memory\.$/,
    );
  });

  it('chooses the model that the shape was taken from when the models are found, and no other', () => {
    const [{ label, uri }] = shapes as [ShapeChoice];
    const before = receive(initialState('full'), open({ plan: { ...plan, origin: label }, shapes: [] }));
    assert.equal(before.form?.shapeUri, '');
    assert.equal(receive(before, { kind: 'shapes', shapes }).form?.shapeUri, uri);
    const without = receive(initialState('full'), open({ shapes: [] }));
    assert.deepEqual(receive(without, { kind: 'shapes', shapes }).form, without.form);
  });

  it('names the model and its shape before the first run', () => {
    const state = receive(initialState('full'), open({ plan: { ...plan, origin: 'Llama-3.1-8B' } }));
    assert.equal(
      finding(state, title),
      'Which attention kernel is fastest for the attention of Llama-3.1-8B on this machine?',
    );
    assert.match(
      circumstances(state, title),
      /^Llama-3\.1-8B · 8 heads, width 64, causal-self · each kernel is checked/,
    );
  });

  it('does not hide what failed or is missing', () => {
    const failed: BenchmarkRow = { mechanism: 'linear', length: 8192, ok: false, reason: 'Wrong values.' };
    assert.match(
      finding(rowsOf([base, tiled(2, 1e-6), failed]), title),
      /Linear has no time at some lengths: see the table\. Stopped after 3 of 30 points\./,
    );
    assert.match(said(failed), /^No mechanism could be timed\./);
  });

  it('says what changed against another result, at the longest length that both have', () => {
    const other = (rows: readonly BenchmarkRow[]): State => ({
      ...rowsOf([base, tiled(1.24, 1e-6), { ...base, length: 512 }]),
      compareWith: { name: 'laptop', result: { ...result, rows } },
    });
    const change = (...rows: readonly BenchmarkRow[]): string =>
      /memory\. (.*) Stopped after/.exec(finding(other(rows), title))?.[1] ?? '';
    assert.equal(
      change({ ...base, medianMs: 105 }, { ...tiled(1.24, 1e-6), medianMs: 40 }, { ...base, length: 512, medianMs: 1 }),
      'Most changed is tiled, 2.02x slower than in laptop at 8,192 tokens (two runs, no test).',
    );
    assert.equal(
      change({ ...base, length: 512, medianMs: 120 }),
      'Fused is 1.20x faster than in laptop at 512 tokens (two runs, no test).',
    );
    assert.equal(change({ ...base, medianMs: 101 }), 'Each time at 8,192 tokens is within 2 % of that in laptop.');
    assert.equal(change({ ...base, length: 256 }), 'No mechanism was timed at the same length in laptop.');
  });

  it('divides nothing by a result of other work, and says what differs where it divides', () => {
    const beside = (change: Partial<BenchmarkSetup>, shape: Partial<BenchmarkShape> = {}): State => {
      const other = { ...plan, ...change, shape: { ...plan.shape, ...shape } };
      const rows = [{ ...base, medianMs: 2 }];
      return {
        ...rowsOf([base]),
        result,
        compareWith: { name: 'laptop', result: { ...result, plan: other, rows } },
      };
    };
    const decode = beside({}, { mode: 'decode' });
    assert.doesNotMatch(finding(decode, title), /laptop|faster than in|slower than in/);
    assert.equal(
      comparisonWords(decode),
      'It cannot be compared with laptop, which measured something else: mode (prefill, there decode).',
    );
    assert.deepEqual(
      tableRows(decode, 8192).filter(({ other }) => other !== undefined),
      [],
    );
    const half = beside({ precision: 'float16' });
    assert.match(
      finding(half, title),
      /slower than in laptop at 8,192 tokens \(two runs, no test; not the same: precision\)/,
    );
    assert.equal(comparisonWords(half), 'Not the same: precision (float32, there float16).');
    assert.equal(tableRows(half, 8192).filter(({ other }) => other !== undefined).length, 1);
  });

  it('writes names inside a sentence as words, and acronyms as they are', () => {
    assert.deepEqual(['Tiled', 'Scaled dot product', 'ALiBi', 'MLA'].map(within), [
      'tiled',
      'scaled dot product',
      'ALiBi',
      'MLA',
    ]);
  });
});

describe('the link of a source', () => {
  it('leads to the paper', () => {
    assert.equal(linkOf('arXiv:2004.05150, section 3.1'), 'https://arxiv.org/abs/2004.05150');
    assert.equal(linkOf('code at https://example.org/a'), 'https://example.org/a');
    assert.equal(linkOf('a book'), undefined);
  });
});
