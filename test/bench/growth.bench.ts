import { powerFit } from '../../compute-server/harness/statistics/fits';
import type { ParameterValue } from '../../protocol/schema/parts';
import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import type { Bench, Report } from './support/bench';
import { causalPlan, entrant, race } from './support/interleaved';

type Parameters = Readonly<Record<string, ParameterValue>>;

interface Setting {
  readonly id: string;
  /** For a length, where they follow it. */
  readonly parameters: Parameters | ((length: number) => Parameters);
  /** In words, where the parameters follow the length. */
  readonly said?: string;
  readonly pattern?: BenchmarkSetup['shape']['pattern'];
}

const settings: readonly Setting[] = [
  { id: 'linear', parameters: {} },
  { id: 'wersa', parameters: { filter: 'one-sided', gate: 'off' } },
  { id: 'wersa', parameters: {}, pattern: 'noncausal-self' },
  {
    id: 'routing-transformer',
    parameters: { clusters: 8, window: 256, membership: 'own cluster', localShare: 0 },
  },
  {
    id: 'routing-transformer',
    parameters: (length) => ({ clusters: Math.round(Math.sqrt(length)), localShare: 0 }),
    said: 'about the root of n clusters, no local head',
  },
  { id: 'biformer', parameters: { region: 256, topk: 2 } },
  { id: 'biformer', parameters: { positions: 'sequence', region: 256, topk: 4 }, pattern: 'noncausal-self' },
  { id: 'rcmha', parameters: { maxDistance: 16384 } },
  { id: 'cmha', parameters: {} },
  { id: 'relu-mean', parameters: {} },
  { id: 'norm-attention', parameters: {} },
  { id: 'moh', parameters: {} },
  { id: 'latent', parameters: {} },
  { id: 'latent', parameters: { form: 'absorbed' } },
  { id: 'neural-memory', parameters: {} },
  { id: 'neural-memory', parameters: { depth: 2 } },
  { id: 'titans-mac', parameters: {} },
  { id: 'titans-mag', parameters: {} },
  { id: 'titans-mal', parameters: {} },
];

const lengths = [4096, 8192, 16384];

const bench: Bench = {
  name: 'Growth with the length, 8 heads of 64, float32, cpu, 2 threads',
  async run(report) {
    for (const setting of settings) await growth(report, setting);
    await crossover(report);
  },
};

/** The fitted exponent of the time against that of the operations, fitted over the same lengths. */
async function growth(report: Report, { id, parameters, said, pattern = 'causal-self' }: Setting): Promise<void> {
  const at = typeof parameters === 'function' ? parameters : () => parameters;
  const plan = {
    ...causalPlan,
    secondsPerLength: 6,
    baseline: `${lengths[0]}`,
    shape: { ...causalPlan.shape, pattern },
  };
  const entrants = lengths.map((length) => entrant(`${length}`, id, plan, length, at(length)));
  const timed = await race(plan, entrants);
  const measured = powerFit(lengths.map((length) => [length, timed.medianMs(`${length}`)]));
  const defined = powerFit(
    entrants.map(({ cell }) => [cell.length, cell.mechanism.cost(cell.shape, cell.parameters).flops]),
  );
  const words = said ?? (Object.keys(parameters).length === 0 ? undefined : JSON.stringify(parameters));
  const given = words === undefined ? '' : ` ${words}`;
  report.figure({
    name: `${id}${given}, ${pattern}: exponent of the time from ${lengths[0]} to ${lengths.at(-1)} off that of its operations`,
    value: Math.abs(measured.exponent - defined.exponent),
    unit: 'of the exponent',
    target: 0.15,
    note: `${measured.exponent.toFixed(2)} measured (R² ${measured.r2.toFixed(3)}), ${defined.exponent.toFixed(2)} by the cost model`,
  });
}

/** Lightning Attention-2 beside softmax attention: the exponent of the latter, and the length from which the former is faster. */
async function crossover(report: Report): Promise<void> {
  const sizes = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];
  const curve: [length: number, softmax: number, lightning: number][] = [];
  for (const length of sizes) {
    const plan = { ...causalPlan, secondsPerLength: 3 };
    const timed = await race(plan, [
      entrant('fused', 'fused', plan, length),
      entrant('lightning', 'lightning-attention-2', plan, length),
    ]);
    curve.push([length, timed.medianMs('fused'), timed.medianMs('lightning')]);
  }
  const softmax = powerFit(curve.filter(([length]) => length >= 2048).map(([length, ms]) => [length, ms]));
  report.figure({
    name: 'fused: exponent of the time from 2048 to 16384 off 2',
    value: Math.abs(softmax.exponent - 2),
    unit: 'of the exponent',
    target: 0.15,
    note: `${softmax.exponent.toFixed(2)} measured (R² ${softmax.r2.toFixed(3)})`,
  });
  const faster = curve.findIndex((_, at) => curve.slice(at).every(([, slow, fast]) => fast < slow));
  const longest = curve.at(-1)!;
  report.figure({
    name: 'lightning-attention-2: length from which it is faster than fused',
    value: faster < 0 ? Infinity : crossing(curve, faster),
    unit: 'positions',
    target: longest[0],
    note: curve.map(([length, slow, fast]) => `${length}: ${(slow / fast).toFixed(2)}`).join(', '),
  });
}

/** Between the last length at which it is slower and the first from which it is faster, the ratio being a power of the length. */
function crossing(curve: readonly (readonly [number, number, number])[], faster: number): number {
  const [to, from] = [curve[faster]!, curve[faster - 1]];
  if (!from) return to[0];
  const [before, after] = [from, to].map(([, slow, fast]) => Math.log(slow / fast)) as [number, number];
  return Math.round(from[0] * (to[0] / from[0]) ** (-before / (after - before)));
}

export default bench;
