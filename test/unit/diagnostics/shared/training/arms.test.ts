import assert from 'node:assert/strict';
import {
  armsFiles,
  armsResult,
  differenceOverSeeds,
  overSeeds,
  trainArms,
  type Arm,
  type ArmsResult,
  type ArmsStep,
  type TrainedArms,
} from '../../../../../diagnostics/shared/training/arms';
import {
  armsChart,
  armsProgress,
  armsSections,
  armsTable,
  type ArmMeasure,
} from '../../../../../diagnostics/shared/training/arms-sections';
import type { Trainer } from '../../../../../diagnostics/model-runner/trainer';
import type { Network } from '../../../../../kernels/training/network';
import { check } from '../../../../../protocol/schema/check';

/** Each step adds the rate to the one parameter: what is measured can be said without training. */
const counting: Trainer = {
  advance(task, from, until) {
    const points = Array.from({ length: until - from.step }, (_, at) => {
      const step = from.step + at + 1;
      return { step, loss: 1 / step, rate: task.rate(step), norm: 1 };
    });
    const sum = points.reduce((total, { rate }) => total + rate, from.parameters[0] ?? 0);
    const state = { ...from, step: until, parameters: Float32Array.of(sum) };
    return Promise.resolve({ state, points });
  },
  forward: () => Promise.reject(new Error('not used')),
};

const network = (name: string): Network => ({
  name,
  parameters: { weight: [1] },
  batch: {},
  build: () => {
    throw new Error('not used');
  },
});

/** Reaches `start of its seed` + `rate` times the steps. */
const arm = (id: string, rate: number, starts: Map<number, number>): Arm => ({
  id,
  title: id.toUpperCase(),
  network: network(id),
  training: (seed) => {
    if (!starts.has(seed)) starts.set(seed, starts.size);
    return {
      initial: { weight: Float32Array.of(starts.get(seed) ?? 0) },
      batch: () => ({}),
      rate: { peak: rate },
      measure: ({ weight }) => Promise.resolve({ reached: weight?.[0] ?? Number.NaN }),
    };
  },
});

const measure: ArmMeasure = { name: 'reached', title: 'Reached', unit: '', definition: 'The parameter.' };

async function ran(kept = new Map<string, unknown>(), cancelBehind = Infinity) {
  const starts = new Map<number, number>();
  const running = trainArms(
    { trainer: counting },
    async (key, act) => {
      if (!kept.has(key)) kept.set(key, await act());
      return kept.get(key) as Awaited<ReturnType<typeof act>>;
    },
    { arms: [arm('a', 1, starts), arm('b', 2, starts)], seeds: 3, steps: 4, seed: 7, every: 2 },
  );
  const steps: ArmsStep[] = [];
  for (;;) {
    const next = await running.next();
    if (next.done) return { steps, trained: next.value, kept };
    steps.push(next.value);
    if (steps.length > cancelBehind) return { steps, trained: undefined, kept };
  }
}

describe('arms', () => {
  let steps: readonly ArmsStep[];
  let trained: TrainedArms;
  let result: ArmsResult;
  before(async () => {
    const all = await ran();
    assert.ok(all.trained);
    ({ steps, trained } = { steps: all.steps, trained: all.trained });
    ({ result } = trained);
  });

  it('are trained seed by seed, with progress that rises to all steps of all runs', () => {
    assert.deepEqual(
      trained.trained.map(({ arm: { id } }) => id),
      ['a', 'b', 'a', 'b', 'a', 'b'],
    );
    const seeds = trained.trained.map(({ seed }) => seed);
    assert.equal(new Set(seeds).size, 3);
    assert.deepEqual([seeds[0], seeds[2], seeds[4]], [seeds[1], seeds[3], seeds[5]]);
    // Two checkpoints for each run; a run is seen before its first and between the two.
    assert.deepEqual(
      steps.map(({ done }) => done),
      [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22],
    );
    assert.ok(steps.every(({ total }) => total === 24));
    assert.equal(steps[3]?.sentence, 'Training B, run 1 of 3: step 2 of 4, loss 0.5000');
    assert.deepEqual(
      steps[3].result.runs.map(({ arm: of, curves }) => [of, curves.measures['reached']?.at(-1)?.step]),
      [
        ['a', 4],
        ['b', 2],
      ],
    );
  });

  it('give means over seeds and paired differences with intervals of Student', () => {
    // Starts of 0, 1, 2: a reaches 4, 5, 6 and b 8, 9, 10. t at 2 degrees of freedom is 4.302653, the deviation is 1.
    const reach = 4.302653 / Math.sqrt(3);
    const found = overSeeds(result, 'reached', 'a');
    assert.ok(found);
    assert.deepEqual([found.mean, found.n], [5, 3]);
    assert.ok(Math.abs(found.low - (5 - reach)) < 1e-5 && Math.abs(found.high - (5 + reach)) < 1e-5);
    assert.deepEqual(overSeeds(result, 'reached', 'a', [4.5, 5.5]), { mean: 5, low: 4.5, high: 5.5, n: 3 });
    assert.deepEqual(differenceOverSeeds(result, 'reached', 'b', 'a'), { mean: 4, low: 4, high: 4, n: 3 });
    assert.equal(overSeeds(result, 'other', 'a'), undefined);
    assert.equal(differenceOverSeeds(result, 'reached', 'b', 'c'), undefined);
  });

  it('count no run that has not ended', () => {
    const early = steps[3]?.result;
    assert.ok(early);
    assert.deepEqual(overSeeds(early, 'reached', 'a')?.n, 1);
    assert.equal(overSeeds(early, 'reached', 'b'), undefined);
    assert.equal(armsProgress(undefined), 'The networks are not trained yet.');
    assert.equal(armsProgress(early, 3), '1 of 6 runs have ended so far.');
    assert.equal(armsProgress(result, 3), undefined);
  });

  it('go on behind the last checkpoint when they were cancelled, with the same numbers', async () => {
    const kept = new Map<string, unknown>();
    await ran(kept, 5);
    const before = kept.size;
    assert.ok(before > 3 && before < 12);
    const resumed = await ran(kept);
    assert.equal(kept.size, 12, 'a step for each checkpoint of each run');
    assert.deepEqual(resumed.trained?.result, result);
  });

  it('are shown as curves between the smallest and the largest run, and as a table', () => {
    const [a, b] = armsChart(result, measure).series;
    // Behind two steps a has 2, 3, 4, and b 4, 5, 6.
    assert.deepEqual(a?.points[0], { x: 2, y: 3, low: 2, high: 4 });
    assert.deepEqual(b?.points, [
      { x: 2, y: 5, low: 4, high: 6 },
      { x: 4, y: 9, low: 8, high: 10 },
    ]);
    const { rows, columns } = armsTable(result, [measure]);
    assert.deepEqual(
      columns.map(({ name }) => name),
      [
        'arm',
        'parameters',
        'runs',
        'reached',
        'reached-low',
        'reached-high',
        'reached-difference',
        'reached-difference-low',
        'reached-difference-high',
      ],
    );
    assert.deepEqual(rows[0]?.slice(0, 4), ['A', 1, '3', 5]);
    assert.deepEqual(rows[0].slice(6), [null, null, null]);
    assert.deepEqual(rows[1]?.slice(6), [4, 4, 4]);
    const { sections } = { sections: armsSections(result, [measure]) };
    assert.deepEqual(
      sections.map(({ id }) => id),
      ['arms-reached', 'arms', 'arms-training-loss'],
    );
  });

  it('are stored as they are, and written as a file of weights for each arm of the first seed', () => {
    const read = check(armsResult, JSON.parse(JSON.stringify(result)));
    assert.ok(read.ok);
    assert.deepEqual(read.result, result);
    const size = { layers: 1, heads: 1, headDim: 1, hiddenSize: 1 };
    assert.deepEqual(armsFiles(trained, size, { note: 'x' }), {
      size,
      config: { note: 'x', arms: { 'a.safetensors': 'A', 'b.safetensors': 'B' } },
      weights: {
        a: { weight: { shape: [1], data: Float32Array.of(4) } },
        b: { weight: { shape: [1], data: Float32Array.of(8) } },
      },
    });
  });
});
