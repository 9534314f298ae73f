import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { interleave, pairs } from '../../../compute-server/harness/timing';
import type { Competitor, Series, TimingEnd, TimingOptions } from '../../../compute-server/harness/timing';
import { random } from '../../../kernels/tensors/random';

describe('interleaved timing', () => {
  let now: number;
  let order: string[];
  beforeEach(() => {
    [now, order] = [0, []];
    mock.method(performance, 'now', () => now);
  });
  afterEach(() => mock.reset());

  /** Takes as many milliseconds as `duration` says, on a clock that only kernels move. */
  const kernel = (name: string, duration: (run: number) => number): Competitor => {
    let run = 0;
    return {
      name,
      run() {
        order.push(name);
        now += duration(run++);
        return Promise.resolve();
      },
    };
  };

  async function time(
    competitors: readonly Competitor[],
    options: Partial<TimingOptions> = {},
    onRound: (round: number) => void = () => {},
  ): Promise<{ series: readonly Series[]; end: TimingEnd }> {
    const source = random(1);
    const timing = interleave(competitors, {
      baseline: competitors[0]!.name,
      seconds: 1000,
      uniform: () => source.uniform(),
      signal: new AbortController().signal,
      ...options,
    });
    let series: readonly Series[] = [];
    for (let round = 1; ; round++) {
      const step = await timing.next();
      if (step.done) return { series, end: step.value };
      series = step.value;
      onRound(round);
    }
  }

  const noisy = (milliseconds: number, spread: number) => {
    const source = random(milliseconds);
    return () => milliseconds * (1 + spread * source.normal());
  };

  it('stops when the median of each has settled, and measures the times that were taken', async () => {
    const { series, end } = await time([kernel('a', () => 20), kernel('b', () => 5)]);
    assert.equal(end, 'settled');
    assert.deepEqual(
      series.map(({ name, times }) => [name, times.size, times.get(0)]),
      [
        ['a', 10, 20],
        ['b', 10, 5],
      ],
    );
  });

  it('goes on with the baseline while another has not settled, so that pairs stay pairs', async () => {
    const { series } = await time([kernel('a', () => 20), kernel('steady', () => 5), kernel('noisy', noisy(30, 0.05))]);
    const [base, steady, noise] = series as [Series, Series, Series];
    assert.equal(steady.times.size, 10);
    assert.ok(noise.times.size > 50);
    assert.equal(base.times.size, noise.times.size);
    assert.equal(pairs(base, steady)[0].length, 10);
    assert.equal(pairs(base, noise)[1].length, noise.times.size);
  });

  it('runs each once a round, in an order that changes', async () => {
    let warm = 0;
    await time([kernel('a', () => 200), kernel('b', () => 200), kernel('c', () => 200)], {}, (round) => {
      if (round === 1) warm = order.length - 3;
    });
    const rounds = Array.from({ length: 10 }, (_, i) => order.slice(warm + i * 3, warm + i * 3 + 3));
    for (const round of rounds) assert.deepEqual([...round].sort(), ['a', 'b', 'c']);
    assert.ok(new Set(rounds.map(String)).size >= 4, 'ten rounds in the same few orders are not shuffled');
  });

  it('ends at the budget, but gives slow kernels the six rounds that the rank test needs', async () => {
    const quick = await time([kernel('a', noisy(100, 0.5))], { seconds: 5 });
    assert.equal(quick.end, 'budget');
    assert.ok(quick.series[0]!.times.size >= 30 && quick.series[0]!.times.size <= 70);
    const slow = await time([kernel('a', noisy(2000, 0.1))], { seconds: 5 });
    assert.equal(slow.series[0]!.times.size, 6);
    const slowest = await time([kernel('a', () => 60_000)], { seconds: 5 });
    assert.equal(slowest.series[0]!.times.size, 3);
  });

  it('takes several runs of a short kernel for one sample', async () => {
    const { series } = await time([kernel('a', () => 0.01)]);
    assert.ok(Math.abs(series[0]!.times.get(0)! - 0.01) < 1e-9);
    assert.ok(order.length >= 10 * 100);
  });

  it('stops between two runs when cancelled and keeps the rounds before', async () => {
    const controller = new AbortController();
    const { series, end } = await time(
      [kernel('a', noisy(20, 0.2)), kernel('b', () => 20)],
      { signal: controller.signal },
      (round) => {
        if (round === 4) controller.abort();
      },
    );
    assert.equal(end, 'cancelled');
    assert.deepEqual(
      series.map(({ times }) => times.size),
      [4, 4],
    );
  });
});
