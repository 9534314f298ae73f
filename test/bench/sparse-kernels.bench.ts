import type { ParameterValue } from '../../protocol/schema/parts';
import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import type { Bench } from './support/bench';
import { causalPlan, entrant, race, type Entrant } from './support/interleaved';

const lengths = [4096, 8192, 16384] as const;

interface Setting {
  readonly id: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  /** Pairs read, the whole triangle being 1; left out: counted in the pattern. */
  readonly density?: (length: number) => number;
}

/** Keys that a query in the middle of the sequence reads in landmark attention: own block, landmarks, opened blocks. */
const landmarkDensity = (block: number, open: number) => (length: number) =>
  (block / 2 + length / 2 / (block + 1) + open * block) / (length / 2);

/** The budget of LongHeads, full attention before it, and one score for each chunk of the past. */
const longHeadsDensity = (chunk: number, budget: number) => (length: number) =>
  ((budget * budget) / 2 + (length - budget) * (budget - chunk / 2 + length / 2 / chunk)) / ((length * length) / 2);

const settings: readonly Setting[] = [
  { id: 'sliding-window', parameters: { window: 256 } },
  { id: 'streaming', parameters: { sinks: 64, recent: 256 } },
  { id: 'duo-attention', parameters: { fullShare: 0.25 } },
  { id: 'razor-attention', parameters: { retrievalShare: 0.15, buffer: 256, compression: 1000 } },
  { id: 'elastic-span', parameters: {} },
  { id: 'gna', parameters: { rank: '1', windowWidth: 512, strideWidth: 64 } },
  { id: 's2-attention', parameters: { localBlocks: 8, verticalStride: 16 } },
  { id: 'landmark', parameters: { block: 50, open: 2 }, density: landmarkDensity(50, 2) },
  {
    id: 'longheads',
    parameters: { chunk: 64, budget: 512, begin: 512 },
    density: longHeadsDensity(64, 512),
  },
];

const rowsCounted = 48;

/** Pairs that the pattern reads over those of causal attention, on evenly spread rows of every head. */
function densityOf({ cell }: Entrant, { density }: Setting): number {
  if (density) return density(cell.length);
  const { shape, parameters, mechanism } = cell;
  const { reads } = mechanism.pattern(shape, parameters);
  let [read, all] = [0, 0];
  for (let r = 0; r < rowsCounted; r++) {
    const query = Math.floor(((r + 0.5) * shape.queries) / rowsCounted);
    all += shape.heads * (query + 1);
    for (let head = 0; head < shape.heads; head++)
      for (let key = 0; key <= query; key++) if (reads(head, query, key)) read++;
  }
  return read / all;
}

const slope = (from: number, to: number): number => Math.log(to / from) / Math.log(lengths[2] / lengths[0]);

const bench: Bench = {
  name: 'Sparse kernels, 8 heads of 64, float32, cpu, 2 threads, against fused attention of the same length',
  async run(report) {
    const plan: BenchmarkSetup = { ...causalPlan, secondsPerLength: 3 };
    const milliseconds = new Map<string, number>();
    for (const length of lengths) {
      const entrants = settings.map(({ id, parameters }) => entrant(id, id, plan, length, parameters));
      const timed = await race(plan, [entrant('fused', 'fused', plan, length), ...entrants]);
      entrants.forEach((each, at) => {
        milliseconds.set(`${each.name} ${length}`, timed.medianMs(each.name));
        if (length === lengths[0]) return;
        const density = densityOf(each, settings[at]!);
        const ratio = timed.times('fused', each.name);
        const target = Number((0.4 / density).toFixed(2));
        report.figure({
          name: `time of fused over ${each.name} ${JSON.stringify(settings[at]!.parameters)}, ${length} positions, density ${density.toFixed(3)}`,
          value: ratio.median,
          unit: 'times',
          ...(target > 1 ? { target, comparison: 'atLeast' as const } : {}),
          note: ratio.note,
        });
      });
    }
    for (const { id, parameters } of settings) {
      const measured = slope(milliseconds.get(`${id} ${lengths[0]}`)!, milliseconds.get(`${id} ${lengths[2]}`)!);
      const flops = (length: number) => {
        const { cell } = entrant(id, id, plan, length, parameters);
        return cell.mechanism.cost(cell.shape, cell.parameters).flops;
      };
      const defined = slope(flops(lengths[0]), flops(lengths[2]));
      report.figure({
        name: `${id}: exponent of the time from ${lengths[0]} to ${lengths[2]} off that of its operations`,
        value: Math.abs(measured - defined),
        unit: 'of the exponent',
        target: 0.15,
        note: `${measured.toFixed(2)} measured, ${defined.toFixed(2)} by the cost model`,
      });
    }
  },
};

export default bench;
