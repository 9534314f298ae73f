/** Runs of training in onnxruntime: what they reach, resumed to the bit, cancelled, and how they fail. */
import assert from 'node:assert/strict';
import { deserialize, serialize } from 'node:v8';
import { ServerTrainer } from '../../../../compute-server/runner/server-trainer';
import { curveChart, curvesOf } from '../../../../diagnostics/shared/training/curves';
import { drawnParameters } from '../../../../diagnostics/shared/training/parameters';
import {
  train,
  trainingSentence,
  type Training,
  type TrainingSetup,
} from '../../../../diagnostics/shared/training/train';
import { add, multiply } from '../../../../kernels/graph/operators/elementwise';
import { gather } from '../../../../kernels/graph/operators/layout';
import { matmul } from '../../../../kernels/graph/operators/matrix';
import { crossEntropy, meanSquare } from '../../../../kernels/training/losses';
import type { Network } from '../../../../kernels/training/network';
import type { Random } from '../../../../kernels/tensors/random';
import { FailureError } from '../../../../protocol/wire/failures';

/** y = x W + b with a known W and b: every batch is fitted exactly at the optimum. */
const line: Network = {
  name: 'a line',
  parameters: { weight: [2, 1], bias: [1] },
  batch: { x: { type: 'float32', shape: ['batch', 2] }, y: { type: 'float32', shape: ['batch', 1] } },
  build: (_, { weight, bias }, { x, y }) => {
    const found = add(matmul(x!, weight!), bias!);
    return { loss: meanSquare(found, y!), outputs: { found } };
  },
};
const points = (count: number, random: Random) => {
  const x = Float32Array.from({ length: 2 * count }, () => random.normal());
  const y = Float32Array.from({ length: count }, (_, i) => 3 * x[2 * i]! - x[2 * i + 1]! + 0.5);
  return { x: { data: x, shape: [count, 2] }, y: { data: y, shape: [count, 1] } };
};

/** The next token of a cycle: an embedding (whose gradient adds up rows that are used several times) and a head. */
const tokens = 11;
const cycle: Network = {
  name: 'a cycle',
  parameters: { embedding: [tokens, 8], head: [8, tokens] },
  batch: { ids: { type: 'int64', shape: ['batch'] }, next: { type: 'int64', shape: ['batch'] } },
  build: (_, { embedding, head }, { ids, next }) => ({
    loss: crossEntropy(matmul(multiply(gather(embedding!, ids!), 1), head!), next!),
  }),
};
const pairs = (random: Random) => {
  const ids = Array.from({ length: 64 }, () => random.whole(tokens));
  const array = (of: readonly number[]) => ({ data: BigInt64Array.from(of, BigInt), shape: [of.length] });
  return { ids: array(ids), next: array(ids.map((id) => (id + 1) % tokens)) };
};

const lineSetup = (changes: Partial<TrainingSetup> = {}): TrainingSetup => ({
  key: 'line',
  network: line,
  initial: { weight: new Float32Array(2), bias: new Float32Array(1) },
  steps: 300,
  seed: 4,
  rate: { peak: 0.1, shape: 'cosine', warmUp: 10 },
  batch: (_, random) => points(16, random),
  ...changes,
});

const cycleSetup = (seed: number): TrainingSetup => ({
  key: 'cycle',
  network: cycle,
  initial: drawnParameters(cycle, seed, () => 0.3),
  steps: 120,
  every: 30,
  seed,
  rate: { peak: 0.05 },
  adam: { weightDecay: 0.01, clip: 1 },
  batch: (_, random) => pairs(random),
});

async function ended(running: AsyncGenerator<Training, Training>): Promise<Training> {
  for (;;) {
    const next = await running.next();
    if (next.done) return next.value;
  }
}

const direct = <T>(_: string, act: () => Promise<T>): Promise<T> => act();

describe('ServerTrainer', () => {
  let abort: AbortController;
  let trainer: ServerTrainer;
  beforeEach(() => {
    abort = new AbortController();
    trainer = new ServerTrainer({ defaultThreads: 2 }, abort.signal);
  });
  afterEach(() => trainer.close());

  it('finds the line that gave the points, and its loss on other points', async () => {
    const training = await ended(train(trainer, direct, lineSetup()));
    const { parameters, ended: why } = training;
    assert.equal(why, 'steps');
    const near = (found: number | undefined, expected: number) =>
      assert.ok(Math.abs((found ?? Number.NaN) - expected) < 1e-2, `${found}, not ${expected}`);
    near(parameters['weight']?.[0], 3);
    near(parameters['weight']?.[1], -1);
    near(parameters['bias']?.[0], 0.5);
    const x = { data: Float32Array.of(1, 1), shape: [1, 2] };
    const { loss, outputs } = await trainer.forward(line, parameters, {
      x,
      y: { data: Float32Array.of(0), shape: [1, 1] },
    });
    near(outputs['found']?.data[0] as number, 2.5);
    near(loss, 6.25);
  });

  it('gives the same bits for a seed, on behind a checkpoint that was written and read, and others for another seed', async () => {
    const kept = new Map<string, Uint8Array>();
    const worked: string[] = [];
    const keeping = async <T>(key: string, act: () => Promise<T>): Promise<T> => {
      const before = kept.get(key);
      if (before) return deserialize(before) as T;
      worked.push(key);
      const value = await act();
      kept.set(key, serialize(value));
      return value;
    };
    const whole = await ended(train(trainer, direct, cycleSetup(1)));
    const broken = train(trainer, keeping, cycleSetup(1));
    for (let i = 0; i < 3; i++) await broken.next();
    assert.deepEqual(worked, ['cycle, step 30', 'cycle, step 60']);
    const fresh = new ServerTrainer({ defaultThreads: 2 }, abort.signal);
    const resumed = await ended(train(fresh, keeping, cycleSetup(1)));
    await fresh.close();
    assert.deepEqual(
      worked,
      [30, 60, 90, 120].map((step) => `cycle, step ${step}`),
    );
    assert.deepEqual(resumed, whole);
    assert.ok(whole.points.at(-1)!.loss < 0.3 * whole.points[0]!.loss, 'it learns nothing');
    const other = await ended(train(trainer, direct, cycleSetup(2)));
    assert.notDeepEqual(other.points, whole.points);
  });

  it('says where it stands, and draws what it has measured', async () => {
    const measure = async ({ bias }: Training['parameters']) => Promise.resolve({ bias: bias?.[0] ?? Number.NaN });
    const running = train(trainer, direct, lineSetup({ steps: 450, every: 150, measure }));
    const seen: Training[] = [];
    let next = await running.next();
    for (; !next.done; next = await running.next()) seen.push(next.value);
    assert.deepEqual(
      seen.map(({ step }) => step),
      [0, 150, 300],
    );
    assert.equal(trainingSentence(seen[0]!, 'a line'), 'Training a line: step 0 of 450');
    assert.match(trainingSentence(seen[1]!, 'a line'), /^Training a line: step 150 of 450, loss \d/);
    const curves = curvesOf(next.value);
    assert.deepEqual(
      curves.measures['bias']!.map(({ step }) => step),
      [150, 300, 450],
    );
    // 450 steps, three to a point.
    assert.deepEqual(
      curves.loss.slice(0, 2).map(({ step }) => step),
      [3, 6],
    );
    const losses = next.value.points.slice(0, 3).map(({ loss }) => loss);
    const [first] = curves.loss;
    assert.ok(Math.abs(first!.mean - (losses[0]! + losses[1]! + losses[2]!) / 3) < 1e-12);
    assert.deepEqual([first!.low, first!.high], [Math.min(...losses), Math.max(...losses)]);
    const y = { title: 'loss', unit: '', scale: 'log10' } as const;
    const chart = curveChart(curves, { id: 'loss', title: 'Loss', y, loss: true, measures: { bias: 'bias' } });
    assert.deepEqual(
      chart.series.map(({ points: of }) => of.length),
      [150, 3],
    );
  });

  it('stops when the loss no longer falls', async () => {
    const plan = lineSetup({
      steps: 5000,
      every: 50,
      rate: { peak: 0.1 },
      plateau: { patience: 3, least: 0.01, of: 'error' },
    });
    const values = [5, 4, 3, 3, 2.99, 3, 1, 1, 1];
    let at = 0;
    const stopped = await ended(
      train(trainer, direct, { ...plan, measure: async () => Promise.resolve({ error: values[at++] ?? 0 }) }),
    );
    assert.deepEqual([stopped.ended, stopped.step], ['plateau', 300]);
  });

  it('ends at once when it is cancelled', async () => {
    const plan = lineSetup({
      batch: (step, random) => {
        if (step === 20) abort.abort();
        return points(4, random);
      },
    });
    await assert.rejects(ended(train(trainer, direct, plan)), { name: 'AbortError' });
  });

  it('says that the loss is no finite number, and that a batch is empty', async () => {
    const failure = (detail: RegExp) => (error: unknown) =>
      error instanceof FailureError && 'detail' in error.failure && detail.test(error.failure.detail);
    await assert.rejects(
      ended(train(trainer, direct, lineSetup({ rate: { peak: 1e30 } }))),
      failure(
        /^Training a line came to a loss that is not a finite number at step 2, with the learning rate 1e\+30\. Choose a smaller/,
      ),
    );
    await assert.rejects(
      ended(train(trainer, direct, lineSetup({ batch: (_, random) => points(0, random) }))),
      failure(/^A batch for a line has no example to train on\. Give more examples\.$/),
    );
  });
});
