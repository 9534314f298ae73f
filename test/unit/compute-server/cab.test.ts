import assert from 'node:assert/strict';
import { scoresFrom } from '../../../compute-server/cli/score-file';
import { cabTable } from '../../../compute-server/cli/cab-table';
import { efficiencyLengths } from '../../../compute-server/harness/cab';
import { compositionalIndex } from '../../../compute-server/harness/statistics/compositional-index';
import { lastCrossing } from '../../../compute-server/harness/statistics/efficiency-length';
import { interquartileMean } from '../../../compute-server/harness/statistics/trimmed-mean';
import type { AttentionPattern } from '../../../kernels/shape';
import type { BenchmarkRow } from '../../../protocol/results/benchmark-schema';
import type { Metric, ScoredTask } from '../../../protocol/results/cab';
import { plan } from '../extension/samples';

const near = (actual: number | undefined, expected: number, tolerance = 1e-12) =>
  assert.ok(
    Math.abs((actual ?? Number.NaN) - expected) <= tolerance,
    `${actual} is not within ${tolerance} of ${expected}`,
  );

describe('the interquartile mean', () => {
  it('is the mean of the values from the first to the third quartile', () => {
    // Quartiles 2 and 4 by linear interpolation: 2, 3 and 4 are kept.
    assert.equal(interquartileMean([5, 1, 3, 2, 4]), 3);
    // Quartiles 1.75 and 3.25.
    assert.equal(interquartileMean([1, 2, 3, 40]), 2.5);
  });

  it('counts values equal to a quartile, and a zero as a value', () => {
    assert.equal(interquartileMean([7, 7, 7, 7]), 7);
    assert.equal(interquartileMean([0, 0, 0, 3, 3]), 1.2);
  });

  it('does not depend on the order, and one time of a hundred that is 100 times as long changes nothing', () => {
    const times = Array.from({ length: 100 }, (_, at) => 10 + ((at * 37) % 100) / 100);
    const largest = Math.max(...times);
    assert.equal(interquartileMean([...times].reverse()), interquartileMean(times));
    assert.equal(
      interquartileMean(times.map((time) => (time === largest ? 100 * time : time))),
      interquartileMean(times),
    );
  });

  it('of one or two values is their mean: none of two lies between the quartiles', () => {
    assert.equal(interquartileMean([3]), 3);
    assert.equal(interquartileMean([1, 2]), 1.5);
  });

  it('needs a value', () => assert.throws(() => interquartileMean([]), /needs a value/));
});

const metric = (scores: Readonly<Record<string, number>>, change: Partial<Metric> = {}): Metric => ({
  name: 'accuracy',
  better: 'higher',
  scores,
  ...change,
});
const task = (name: string, pattern: AttentionPattern, ...metrics: readonly Metric[]): ScoredTask => ({
  task: name,
  pattern,
  metrics,
});
const indexOf = (tasks: readonly ScoredTask[], method: string, pattern: AttentionPattern = 'causal-self') =>
  compositionalIndex(tasks, 'vanilla').methods.find((each) => each.method === method && each.pattern === pattern);

describe('the compositional index', () => {
  it('standardises by the methods of the run: 1, 2, 3 give -1, 0, 1 over the deviation of n', () => {
    const tasks = [task('copy', 'causal-self', metric({ vanilla: 1, abc: 2, local: 3 }))];
    const unit = Math.sqrt(3 / 2);
    near(indexOf(tasks, 'vanilla')?.index, -unit);
    near(indexOf(tasks, 'abc')?.index, 0);
    near(indexOf(tasks, 'local')?.index, unit);
    near(indexOf(tasks, 'local')?.delta, 2 * unit);
  });

  it('averages within a task, then over the tasks: the published line of vanilla from the scores of its tasks', () => {
    const fixed = { mean: 0, deviation: 1 };
    const line = (pattern: AttentionPattern, scores: readonly number[]) =>
      scores.map((score, at) => task(`task ${at}`, pattern, metric({ vanilla: score }, fixed)));
    near(
      indexOf(line('noncausal-self', [-0.301, -0.249, -0.077, 0.528]), 'vanilla', 'noncausal-self')?.index,
      -0.025,
      5e-4,
    );
    near(indexOf(line('noncausal-cross', [0.449, 0.744]), 'vanilla', 'noncausal-cross')?.index, 0.597, 5e-4);
    near(indexOf(line('causal-cross', [1.047, 0.867]), 'vanilla', 'causal-cross')?.index, 0.957, 5e-4);
    // Two metrics of one task weigh as one task: (1 + 3) / 2 and 5 give 3.5, not 3.
    const tasks = [
      task('two', 'causal-self', metric({ vanilla: 1 }, fixed), metric({ vanilla: -3 }, { ...fixed, better: 'lower' })),
      task('one', 'causal-self', metric({ vanilla: 5 }, fixed)),
    ];
    near(indexOf(tasks, 'vanilla')?.index, 3.5);
  });

  it('uses the mean and deviation that a metric gives', () => {
    const tasks = [task('copy', 'causal-self', metric({ vanilla: 7 }, { mean: 4, deviation: 2, better: 'lower' }))];
    near(indexOf(tasks, 'vanilla')?.index, -1.5);
  });

  it('does not change when a metric is rescaled, or turned round together with its direction', () => {
    const scores = { vanilla: 0.2, abc: 0.9, local: 0.4, linear: 0.35 };
    const mapped = (change: (x: number) => number) =>
      Object.fromEntries(Object.entries(scores).map(([name, x]) => [name, change(x)]));
    const plain = [task('copy', 'causal-self', metric(scores))];
    for (const other of [
      metric(mapped((x) => 250 * x - 3)),
      metric(
        mapped((x) => -x),
        { better: 'lower' },
      ),
    ]) {
      for (const method of Object.keys(scores)) {
        near(indexOf([task('copy', 'causal-self', other)], method)?.index, indexOf(plain, method)!.index, 1e-9);
      }
    }
  });

  it('has the mean 0 over the methods of each task', () => {
    const { tasks } = compositionalIndex([task('copy', 'causal-self', metric({ a: 3, b: 8, c: 8.5, d: -2 }))], 'a');
    near(
      Object.values(tasks[0]!.scores).reduce((sum, score) => sum + score, 0),
      0,
    );
  });

  it('is 0 where all methods are equal, and absent for a method without a score in each task', () => {
    const tasks = [
      task('copy', 'causal-self', metric({ vanilla: 4, abc: 4, local: 4 })),
      task('sort', 'causal-self', metric({ vanilla: 1, abc: 3 })),
    ];
    near(indexOf([tasks[0]!], 'abc')?.index, 0);
    assert.equal(indexOf(tasks, 'local'), undefined);
    near(indexOf(tasks, 'abc')?.index, 0.5);
  });

  it('correlates the rankings of two patterns over the methods that have both', () => {
    const scores = { a: 1, b: 2, c: 4 };
    const { correlations } = compositionalIndex(
      [
        task('copy', 'causal-self', metric(scores)),
        task('mask', 'noncausal-self', metric(scores, { better: 'lower' })),
        task('read', 'causal-cross', metric({ a: 1, b: 2 })),
      ],
      'a',
    );
    assert.equal(correlations.length, 1);
    assert.deepEqual([...correlations[0]!.patterns].sort(), ['causal-self', 'noncausal-self']);
    assert.equal(correlations[0]!.methods, 3);
    near(correlations[0]!.r, -1);
  });
});

describe('scores of tasks from a file', () => {
  const whole = { tasks: [task('copy', 'causal-self', metric({ fused: 1, linear: 2 }))] };
  const first = whole.tasks[0]!;
  const why = (value: unknown): string => {
    try {
      scoresFrom(value, 's.json');
    } catch (error) {
      return (error as Error).message;
    }
    return 'it was read';
  };
  const withMetric = (change: object) => ({ tasks: [{ ...first, metrics: [{ ...first.metrics[0], ...change }] }] });

  it('are read as they are written', () => assert.deepEqual(scoresFrom(whole, 's.json'), whole.tasks));

  for (const [name, value, reason] of [
    ['no tasks', {}, 'it has no list of tasks'],
    ['a list', [], 'it has no list of tasks'],
    ['a task without a name', { tasks: [{ ...first, task: 3 }] }, 'task 1 has no name "task"'],
    [
      'an unknown pattern',
      { tasks: [{ ...first, pattern: 'causal' }] },
      'the pattern of "copy" is none of noncausal-self',
    ],
    ['no metrics', { tasks: [{ ...first, metrics: [] }] }, '"copy" has no list of metrics'],
    ['no direction', withMetric({ better: 'more' }), 'metric 1 of "copy" says neither'],
    [
      'a text as a score',
      withMetric({ scores: { fused: '1', linear: 2 } }),
      'the score of "fused" in metric 1 of "copy" is not a number',
    ],
    ['half a scale', withMetric({ mean: 1 }), 'needs both a "mean" and a "deviation" above 0'],
    ['a deviation of 0', withMetric({ mean: 1, deviation: 0 }), 'needs both'],
    ['one score', withMetric({ scores: { fused: 1 } }), 'has one score only'],
    ['a task twice', { tasks: [first, first] }, 'the task copy (causal-self) is listed twice'],
  ] as const) {
    it(`${name}: one sentence and the form`, () => {
      const sentence = why(value);
      assert.ok(sentence.startsWith('s.json: '), sentence);
      assert.ok(sentence.includes(reason), sentence);
      assert.match(sentence, /Write \{"tasks"/);
    });
  }
});

describe('the last crossing of two curves', () => {
  const curve = (a: number, b: number, c: number) => ({ a, b, c, r2: 1 });
  it('takes the larger of two positive roots: cheaper, dearer, then cheaper for good', () => {
    // n^2 - 5 n + 6 against 0: below between 2 and 3.
    assert.equal(lastCrossing(curve(1, -5, 6), curve(0, 0, 0)), 3);
  });

  it('never pays when the parabola bends down, whatever the sign at 0', () => {
    assert.equal(lastCrossing(curve(-1, 0, 9), curve(0, 0, 0)), 'never');
    assert.equal(lastCrossing(curve(-1, 0, -9), curve(0, 0, 0)), 'never');
  });

  it('always pays when the roots are not positive or not real', () => {
    assert.equal(lastCrossing(curve(1, 5, 6), curve(0, 0, 0)), 'always');
    assert.equal(lastCrossing(curve(1, 0, 6), curve(0, 0, 0)), 'always');
  });
});

describe('efficiency lengths of a benchmark', () => {
  const lengths = [256, 512, 1024, 2048, 4096, 8192];
  const rows = (mechanism: string, time: (n: number) => number, memory: (n: number) => number): BenchmarkRow[] =>
    lengths.map((length) => ({
      mechanism,
      length,
      ok: true,
      medianMs: 1,
      trimmedMs: time(length),
      peakBytes: memory(length),
      predictedPeakBytes: 2 * memory(length),
      predictedMs: time(length) / 2,
    }));
  const base = rows(
    'vanilla',
    (n) => 2e-6 * n * n,
    (n) => 8 * n * n,
  );
  const planted = rows(
    'linear',
    (n) => 4e-3 * n,
    (n) => 800 * n,
  );
  const refused: BenchmarkRow[] = lengths.map((length) => ({
    mechanism: 'linear',
    length,
    ok: false,
    refusal: 'unsupported',
    reason: 'It has no cross form.',
  }));
  const found = efficiencyLengths(
    [
      { pattern: 'noncausal-self', rows: [...base, ...planted] },
      { pattern: 'noncausal-cross', rows: [...base, ...refused] },
    ],
    'vanilla',
    [],
  );

  it('are planted d / a: 2000 in time, 100 in memory, the same by the model', () => {
    const [self] = found;
    assert.equal(self?.supported, true);
    near(self.time?.length as number, 2000, 1e-5);
    near(self.memory?.length as number, 100, 1e-6);
    near(self.timeByModel?.length as number, 2000, 1e-5);
    near(self.memoryByModel?.length as number, 100, 1e-6);
    near(self.time?.r2Baseline, 1, 1e-9);
  });

  it('are absent with the reason where the pattern is not supported', () => {
    assert.deepEqual(found[1], { mechanism: 'linear', pattern: 'noncausal-cross', supported: 'It has no cross form.' });
  });

  it('stand in a table with what they depend on', () => {
    const index = compositionalIndex([task('copy', 'causal-self', metric({ vanilla: 1, linear: 3 }))], 'vanilla');
    const text = cabTable({ ...plan(), baseline: 'vanilla' }, { efficiency: found, index });
    assert.match(text, /against vanilla.*batch 1, 8 heads, width 64/);
    assert.match(text, /linear +noncausal-self +2000 +1\.000, 1\.000 +100 /);
    assert.match(text, /linear +noncausal-cross .*It has no cross form\./);
    assert.match(text, /linear +1\.000 \(\+2\.000\)/);
  });
});
