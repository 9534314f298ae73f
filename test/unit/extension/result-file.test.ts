import assert from 'node:assert/strict';
import { benchmarkText, parseBenchmark } from '../../../extension/results/benchmark-file';
import {
  mechanismLines,
  modelName,
  resultDescription,
  resultDetails,
  resultFileName,
  subjectOf,
} from '../../../extension/results/benchmark-words';
import {
  fileStem,
  freeName,
  holdsHistoryAlone,
  listedName,
  threeDigits,
  timeStamp,
} from '../../../extension/results/result-words';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { plan, result, row } from './samples';

const whyNot = (text: string): string => {
  const parsed = parseBenchmark(text);
  assert.equal(parsed.ok, false);
  return parsed.ok ? '' : parsed.why;
};

const changed = (change: Record<string, unknown>): string => JSON.stringify({ ...result(), ...change });

describe('saved benchmark', () => {
  it('reads back what was written', () => {
    const before = result();
    const parsed = parseBenchmark(benchmarkText(before));
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.result, before);
  });

  it('opens with the calibration and CAB measures of today, and without them as before', () => {
    const fitted = { length: 700.5, r2Baseline: 1, r2Mechanism: 0.9 };
    const efficiency = [{ mechanism: 'tiled', pattern: 'causal-self', supported: true, time: fitted } as const];
    const methods = [{ method: 'tiled', pattern: 'causal-self', index: 0.5, delta: 1 }] as const;
    const index = { baseline: 'fused', tasks: [], methods, correlations: [] };
    const today = { ...result(), cab: { efficiency, index } };
    const parsed = parseBenchmark(benchmarkText(today));
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.result, today);
    assert.ok(parseBenchmark(benchmarkText(result())).ok);
    assert.match(whyNot(changed({ calibration: 3 })), /^calibration is not an object/);
    assert.match(whyNot(changed({ cab: {} })), /^cab\.efficiency is missing\./);
    assert.match(
      whyNot(changed({ cab: { efficiency: [{ ...efficiency[0], time: { length: {} } }] } })),
      /^cab\.efficiency\[0\]\.time\.length is not/,
    );
    assert.match(
      whyNot(changed({ cab: { efficiency, index: { ...index, methods: [{ ...methods[0], index: 'x' }] } } })),
      /^cab\.index\.methods\[0\]\.index is not a number/,
    );
  });

  it('is written the same in whatever order the rows came', () => {
    const one = result([row('fused', 512), row('tiled', 512), row('fused', 1024), row('tiled', 1024)]);
    const two = result([row('tiled', 1024), row('fused', 1024), row('tiled', 512), row('fused', 512)]);
    assert.equal(benchmarkText(one), benchmarkText(two));
    assert.match(benchmarkText(one), /\n$/);
  });

  it('does not keep the rows of an earlier run twice', () => {
    const base = result();
    const text = benchmarkText({ ...base, plan: { ...base.plan, done: base.rows } });
    assert.equal(text, benchmarkText(base));
  });

  it('reads a figure that JSON could not write as absent', () => {
    const parsed = parseBenchmark(benchmarkText(result([row('fused', 512, { maxError: Infinity, ok: false })])));
    assert.ok(parsed.ok);
    assert.equal('maxError' in (parsed.result.rows[0] ?? {}), false);
  });

  it('says in one sentence why a text is none', () => {
    assert.equal(whyNot(''), 'The file is empty.');
    assert.match(whyNot('{"kind": '), /^The file is not valid JSON: /);
    assert.match(whyNot('[]'), /not a JSON object/);
    assert.match(whyNot('{"kind":"other"}'), /no saved benchmark/);
    assert.match(whyNot(changed({ version: 2 })), /format 2.*update Headscope/);
    assert.match(whyNot(changed({ rows: {} })), /^rows is not a list/);
    assert.match(
      whyNot(changed({ rows: [{ ...row('fused', 512), medianMs: 'fast' }] })),
      /^rows\[0\]\.medianMs is not a number/,
    );
    assert.match(whyNot(changed({ rows: [{ ...row('fused', 512), length: -1 }] })), /^rows\[0\]\.length/);
    assert.match(whyNot(changed({ device: null })), /^device is not an object/);
    assert.match(whyNot(changed({ state: 'fine' })), /^state is not/);
  });
});

/** Every place of a value in a result, as keys from its root. */
function placesOf(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  const inside =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, entry]) => placesOf(entry, [...at, key]))
      : [];
  return at.length > 0 ? [at, ...inside] : inside;
}

const valueAt = (value: unknown, [key, ...rest]: readonly string[]): unknown =>
  key === undefined ? value : valueAt((value as Record<string, unknown>)[key], rest);

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

describe('a saved benchmark with one value of another kind', () => {
  const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value);
  /** Several kinds are right there, or any. */
  const free = [/^settings\./, /^plan\.parameters\.[^.]+\./, /^cab\.efficiency\.\d+\.supported$/];
  /** JSON has no number for it, or there is none: null is right. */
  const nullable =
    /^rows\.\d+\.(?!mechanism|length|ok|reason|refusal|quartilesMs|peakBy$|notes|ratioToBaseline\.)|r2\w*$|\.fitted\.\w+\.\d$|\.(efficiencyLength|measured)$/;
  const fitted = { length: 700.5, r2Baseline: 1, r2Mechanism: 0.9 };
  const whole = (): BenchmarkResult => ({
    ...result([
      row('fused', 512, {
        ...{ relativeSd: 0.1, samples: 9, quartilesMs: [1, 2], peakBytes: 1, peakBy: 'VmHWM', predictedPeakBytes: 1 },
        ...{ flops: 1, bytes: 1, predictedMs: 1, trimmedMs: 1, gflops: 1, bandwidthGBs: 1, maxError: 0, tolerance: 1 },
        ...{ checkedRows: 8, checkedLength: 256, notes: ['budget'] },
        ratioToBaseline: { median: 1, low: 1, high: 1, p: 1 },
      }),
      row('tiled', 512, { ok: false, reason: 'It needs more.', refusal: 'memory' }),
    ]),
    plan: {
      ...plan({ parameters: { tiled: { tile: 64 } }, origin: 'gpt2' }),
      shape: { ...plan().shape, mode: 'prefill', keys: 64 },
    },
    fits: [{ mechanism: 'fused', exponent: 2, r2: 1 }],
    crossover: [
      {
        mechanism: 'tiled',
        efficiencyLength: 512,
        note: 'always',
        measured: 512,
        fitted: { ...fitted, baseline: [1, 1, 1], mechanism: [1, 1] },
      },
    ],
    cab: {
      efficiency: [
        { mechanism: 'tiled', pattern: 'causal-self', supported: true, time: fitted, memory: fitted },
        { mechanism: 'tiled', pattern: 'causal-cross', supported: 'No.', timeByModel: fitted, memoryByModel: fitted },
      ],
      index: {
        baseline: 'fused',
        tasks: [{ task: 'copy', pattern: 'causal-self', scores: {} }],
        methods: [{ method: 'tiled', pattern: 'causal-self', index: 0.5, delta: 1 }],
        correlations: [{ patterns: ['causal-self', 'causal-cross'], methods: 3, r: 1 }],
      },
    },
  });

  it('opens whole, and each value that is drawn refuses every other kind by its place', () => {
    assert.ok(parseBenchmark(JSON.stringify(whole())).ok);
    const accepted: string[] = [];
    for (const place of placesOf(whole())) {
      const name = place.join('.');
      if (free.some((pattern) => pattern.test(name))) continue;
      for (const by of [null, 3, 'x', true, [null], [], { x: null }]) {
        if (kindOf(by) === kindOf(valueAt(whole(), place)) || (by === null && nullable.test(name))) continue;
        const parsed = parseBenchmark(JSON.stringify(replaced(whole(), place, by)));
        if (parsed.ok) accepted.push(`${name}: ${JSON.stringify(by)}`);
        else assert.match(parsed.why, /^\S+ is (not .+|missing)\.$/, name);
      }
    }
    assert.deepEqual(accepted, []);
  });

  it('refuses lists of nothing and tables of nothing, which would be drawn', () => {
    for (const [place, by] of [
      [['fits'], [null]],
      [['crossover'], [null]],
      [['rows'], [null]],
      [['plan', 'parameters'], { tiled: null }],
      [['plan', 'shape', 'lengths'], []],
      [['rows', '0', 'notes'], [3]],
      [['rows', '0', 'quartilesMs'], [1]],
      [['cab', 'efficiency', '0', 'supported'], 3],
    ] as const) {
      const parsed = parseBenchmark(JSON.stringify(replaced(whole(), place, by)));
      assert.equal(parsed.ok, false, place.join('.'));
    }
  });
});

describe('names of results', () => {
  it('say time, model and pattern, the time first so that they sort by it', () => {
    const base = result();
    const name = resultFileName({ ...base, plan: { ...base.plan, origin: 'file:///models/Llama-3.1-8B/config.json' } });
    assert.equal(name, `${timeStamp(new Date(base.created))}-Llama-3.1-8B-causal-self.headscope-bench.json`);
    assert.equal(subjectOf(base.plan), '8x8x64 causal-self');
  });

  it('say decoding and that a run was stopped', () => {
    const base = result();
    const decode = { ...base, plan: { ...base.plan, shape: { ...base.plan.shape, mode: 'decode' as const } } };
    assert.match(resultFileName(decode), /^[\d-]+-8x8x64-decode\.headscope-bench\.json$/);
    assert.match(
      resultFileName({ ...base, state: 'cancelled' }),
      /-8x8x64-causal-self-cancelled\.headscope-bench\.json$/,
    );
    assert.match(resultDescription({ ...base, state: 'cancelled' }), /^cancelled before its end, 8x8x64 causal-self, /);
    assert.match(resultDetails(decode)[0] ?? '', /^one token decoded on a cache, batch /);
  });

  it('stand in a list with date and time first, whatever the file is called', () => {
    const created = new Date(2026, 10, 24, 15, 3, 12).toISOString();
    for (const [file, listed] of [
      ['2026-11-24-150312-Llama-causal-self', '2026-11-24 15:03 · Llama-causal-self'],
      ['Llama-causal-self-2026-11-24-150312', '2026-11-24 15:03 · Llama-causal-self'],
      ['Llama-causal-self-2026-11-24-150312-2', '2026-11-24 15:03 · Llama-causal-self-2'],
      ['evening run', '2026-11-24 15:03 · evening run'],
      ['2026-11-24-150312', '2026-11-24 15:03'],
    ] as const)
      assert.equal(listedName(created, file), listed);
    assert.equal(listedName('', 'broken'), 'broken');
  });

  it('take the folder of a config, decoded', () => {
    assert.equal(modelName('file:///a/My%20Model/config.json'), 'My Model');
    assert.equal(modelName('C:\\models\\gpt2\\config.json'), 'gpt2');
    assert.equal(modelName('Llama-3.1-8B'), 'Llama-3.1-8B');
    assert.equal(modelName('100%'), '100%');
  });

  it('are allowed on every file system', () => {
    assert.equal(fileStem('a/b\\c:d*e?f"g<h>i|j'), 'a-b-c-d-e-f-g-h-i-j');
    assert.equal(fileStem('../../etc'), 'etc');
    assert.equal(fileStem(' . '), 'result');
    assert.equal(fileStem('x\u0000\ny'), 'x-y');
    assert.equal(Array.from(fileStem('é'.repeat(200))).length, 80);
  });

  it('say whether a folder holds more than the history, and so was made for saved results', () => {
    assert.equal(holdsHistoryAlone(['history']), true);
    assert.equal(holdsHistoryAlone([]), false);
    assert.equal(holdsHistoryAlone(['history', 'a.headscope-heads.json']), false);
  });

  it('do not take a name twice', () => {
    const suffix = '.headscope-bench.json';
    assert.equal(freeName(`a${suffix}`, new Set()), `a${suffix}`);
    assert.equal(freeName(`a${suffix}`, new Set([`a${suffix}`, `a-2${suffix}`])), `a-3${suffix}`);
  });
});

describe('a result in a list', () => {
  it('shows each mechanism by its title at its longest length, with the ratio and its interval', () => {
    const rows = [
      row('fused', 512, { medianMs: 2 }),
      row('fused', 1024, { medianMs: 8 }),
      row('tiled', 1024, { medianMs: 6.4, ratioToBaseline: { median: 1.25, low: 1.2, high: 1.3, p: 0.001 } }),
      row('linear', 1024, { ok: false, reason: 'The error is over the tolerance.' }),
    ];
    const titles = new Map([
      ['fused', 'Fused (onnxruntime)'],
      ['tiled', 'Tiled'],
    ]);
    assert.deepEqual(mechanismLines(result(rows), titles), [
      { label: 'Fused (onnxruntime)', text: '8 ms at 1,024, baseline' },
      { label: 'Tiled', text: '6.4 ms at 1,024, 1.25x (1.2 to 1.3)' },
      { label: 'linear', text: 'The error is over the tolerance.', failed: true },
    ]);
  });

  it('writes numbers with three significant digits', () => {
    assert.deepEqual([0, 0.01234, 1.2345, 12.345, 123.45, 12345, 1.5e-7].map(threeDigits), [
      '0',
      '0.0123',
      '1.23',
      '12.3',
      '123',
      '12,345',
      '1.50e-7',
    ]);
  });
});
