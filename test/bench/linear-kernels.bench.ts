import { feedsOf, inputsOf, sharedInputs } from '../../compute-server/harness/inputs';
import { summary } from '../../compute-server/harness/statistics/summary';
import { openSession, type RuntimeValues } from '../../compute-server/runtime/session';
import { latent } from '../../kernels/mechanisms/latent/latent';
import { cacheShare } from '../../kernels/mechanisms/latent/definition';
import { normalTensor } from '../../kernels/tensors/random';
import { sizeOf } from '../../kernels/tensors/tensor';
import { toRuntime } from '../../kernels/tensors/precision';
import type { ParameterValue } from '../../protocol/schema/parts';
import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import type { Bench, Report } from './support/bench';
import { causalPlan, entrant, race } from './support/interleaved';

type Given = Readonly<Record<string, ParameterValue>>;

const setupOf = (pattern: BenchmarkSetup['shape']['pattern'], seconds: number): BenchmarkSetup => ({
  ...causalPlan,
  secondsPerLength: seconds,
  shape: { ...causalPlan.shape, pattern },
});

const bench: Bench = {
  name: 'Linear, latent and routed kernels, 8 heads of 64, float32, cpu, 2 threads',
  async run(report) {
    await perToken(report);
    await heads(report);
    await latentStep(report);
    await routed(report);
  },
};

/** One race of one kernel at several lengths: each is named by its length. */
async function perToken(report: Report): Promise<void> {
  const lengths = [4096, 16384, 65536];
  for (const [id, parameters] of [
    ['lightning-attention-2', {}],
    ['lightning-attention', {}],
    ['gaam', {}],
  ] as const) {
    const plan = { ...setupOf(id === 'gaam' ? 'noncausal-self' : 'causal-self', 9), baseline: `${lengths[0]}` };
    const timed = await race(
      plan,
      lengths.map((length) => entrant(`${length}`, id, plan, length, parameters)),
    );
    const tokens = lengths.map((length) => timed.medianMs(`${length}`) / length);
    const spread = Math.max(...tokens) / Math.min(...tokens);
    report.figure({
      name: `${id}: longest over shortest time per token, 4096 to 65536 positions`,
      value: spread,
      unit: 'times',
      ...(id === 'lightning-attention-2' ? { target: 1.15 } : {}),
      note: tokens.map((ms, at) => `${lengths[at]}: ${(1000 * ms).toFixed(2)} us`).join(', '),
    });
    const exponent = Math.log((tokens[2]! * lengths[2]!) / (tokens[0]! * lengths[0]!)) / Math.log(16);
    report.figure({
      name: `${id}: exponent of the time off 1`,
      value: Math.abs(exponent - 1),
      unit: 'of the exponent',
      target: 0.15,
      note: `${exponent.toFixed(2)} measured`,
    });
  }
}

async function heads(report: Report): Promise<void> {
  for (const pattern of ['causal-self', 'noncausal-self'] as const) {
    const plan = setupOf(pattern, 8);
    const own = (name: string, given: Given) => entrant(name, 'moh', plan, 4096, given);
    const timed = await race(plan, [
      entrant('fused', 'fused', plan, 4096),
      own('half', { share: 0.5 }),
      own('all', { share: 1 }),
    ]);
    const ratio = timed.times('all', 'half');
    report.figure({
      name: `time of moh with all heads over half of them, 4096 positions, ${pattern}`,
      value: ratio.median,
      unit: 'times',
      target: 1.5,
      comparison: 'atLeast',
      note: `${ratio.note}; fused over half: ${timed.times('fused', 'half').median.toFixed(2)}`,
    });
  }
}

/** One query against a cache of 16 384 positions: latents, and the keys and values that they replace. */
async function latentStep(report: Report): Promise<void> {
  const positions = 16384;
  const plan = setupOf('causal-self', 1);
  const parameters = { rank: 64, rotary: 8, form: 'absorbed' as const };
  const shape = { ...causalPlan.shape, pattern: 'causal-self' as const, queries: 1, keys: positions + 1 };
  const step = await openSession(latent.decode!.build(shape, parameters, 'float32'), { device: 'cpu', threads: 2 });
  const drawn = (dims: readonly number[], seed: number, deviation = 1) => ({
    data: toRuntime(normalTensor(dims, seed, deviation), 'float32'),
    shape: dims,
  });
  const states = latent.decode!.states(shape, parameters);
  const feeds: RuntimeValues = {
    query: drawn([1, 8, 1, 64], 1),
    key: drawn([1, 8, 1, 64], 2),
    value: drawn([1, 8, 1, 64], 3),
    ...Object.fromEntries(states.map(({ name, shape: dims }) => [name, drawn(dims, 4)])),
    ...Object.fromEntries(
      latent.weights!(shape, parameters).map(({ name, shape: dims }) => [name, drawn(dims, 5, 0.05)]),
    ),
  };
  const rivals = await Promise.all(
    (['fused', 'scaled-dot-product', 'grouped-query'] as const).map(async (id) => {
      const { cell } = entrant(id, id, { ...plan, shape: { ...plan.shape, keys: positions + 1 } }, 1);
      const session = await openSession(cell.mechanism.build(cell.shape, cell.parameters, 'float32'), {
        device: 'cpu',
        threads: 2,
      });
      const inputs = inputsOf(cell, sharedInputs(cell.shape, 1, 'float32'), 1, 'float32');
      return { id, session, bound: session.bind(feedsOf(cell, inputs, 1, 'float32'), ['output']) };
    }),
  );
  const own = step.bind(feeds);
  const times = new Map<string, number[]>([['latent', []], ...rivals.map(({ id }) => [id, []] as [string, number[]])]);
  for (let round = 0; round < 40; round++) {
    for (const { id, run } of [
      { id: 'latent', run: () => own.run() },
      ...rivals.map(({ id, bound }) => ({ id, run: () => bound.run() })),
    ]) {
      const started = performance.now();
      await run();
      if (round >= 5) times.get(id)!.push(performance.now() - started);
    }
  }
  await step.release();
  for (const { session } of rivals) await session.release();
  const median = (id: string) => summary(times.get(id)!).median;
  const best = rivals.map(({ id }) => id).sort((a, b) => median(a) - median(b))[0]!;
  report.figure({
    name: 'time of a latent decoding step over the fastest on the uncompressed cache, 16384 positions, rank 64, rotary 8',
    value: median('latent') / median(best),
    unit: 'times',
    target: 1,
    note: `${median('latent').toFixed(2)} ms against ${median(best).toFixed(2)} ms of ${best}`,
  });
  const bytes = 4 * states.reduce((sum, state) => sum + sizeOf(state.shape), 0);
  report.figure({
    name: 'bytes of that cache over the uncompressed one',
    value: bytes / (4 * positions * 8 * 128),
    unit: 'times',
    target: cacheShare(shape, parameters),
    note: `${(bytes / 1e6).toFixed(2)} MB`,
  });
}

interface RoutedSetting {
  readonly id: string;
  /** Where an id takes part twice. */
  readonly name?: string;
  readonly given: Readonly<Record<string, ParameterValue>>;
  readonly density: number;
}

async function routed(report: Report): Promise<void> {
  for (const length of [8192, 16384]) {
    for (const pattern of ['causal-self', 'noncausal-self'] as const) {
      const plan = setupOf(pattern, 6);
      const causal = pattern === 'causal-self';
      const all = causal ? (length * (length + 1)) / 2 : length * length;
      const settings: readonly RoutedSetting[] = [
        // Two regions of past and half of the own one on average; four regions without order.
        {
          id: 'biformer',
          given: { positions: 'sequence', region: 256, topk: causal ? 2 : 4 },
          density: (causal ? length * (2 * 256 + 128) - 1.5 * 256 * 512 : length * 1024) / all,
        },
        // Every cluster reads itself, causal the half of it.
        {
          id: 'routing-transformer',
          given: { clusters: length / 256, localShare: 0 },
          density: ((length / 256) * (causal ? (256 * 257) / 2 : 256 * 256)) / all,
        },
        // A cluster's first members read fewer than the window.
        ...(causal
          ? [
              {
                name: 'own cluster',
                id: 'routing-transformer',
                given: { clusters: 8, window: 256, membership: 'own cluster', localShare: 0 },
                density: (length * 256 - (8 * 256 * 255) / 2) / all,
              },
            ]
          : []),
      ];
      const timed = await race(plan, [
        entrant('fused', 'fused', plan, length),
        ...settings.map(({ id, name = id, given }) => entrant(name, id, plan, length, given)),
      ]);
      for (const { id, name = id, given, density } of settings) {
        const ratio = timed.times('fused', name);
        report.figure({
          name: `time of fused over ${id} ${JSON.stringify(given)}, ${pattern}, ${length} positions, density ${density.toFixed(3)}`,
          value: ratio.median,
          unit: 'times',
          target: Number((0.4 / density).toFixed(2)),
          comparison: 'atLeast',
          note: ratio.note,
        });
      }
    }
  }
}

export default bench;
