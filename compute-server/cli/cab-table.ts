/** CAB's measures for a terminal. */
import { attentionPatterns } from '../../kernels/shape';
import type {
  BenchmarkSetup,
  CabMeasures,
  CompositionalIndex,
  FittedLength,
} from '../../protocol/results/benchmark-schema';
import { textTable } from './table';

/** The efficiency lengths with what they depend on, then the compositional index where scores were given. */
export function cabTable(plan: BenchmarkSetup, cab: CabMeasures): string {
  const { shape, baseline } = plan;
  const head = `Efficiency length against ${baseline}: tokens from which it takes less (batch ${shape.batch}, ${shape.heads} heads, width ${shape.headDim}, lengths ${shape.lengths.join(', ')}; R² of the two fits)`;
  const rows = cab.efficiency.map(({ mechanism, pattern, supported, time, memory, timeByModel, memoryByModel }) => [
    mechanism,
    pattern,
    inWords(time),
    fitOf(time),
    inWords(memory),
    fitOf(memory),
    inWords(timeByModel),
    inWords(memoryByModel),
    supported === true ? '' : supported,
  ]);
  const titles = ['mechanism', 'pattern', 'time', 'R²', 'memory', 'R²', 'time by model', 'memory by model', ''];
  return [head, textTable(titles, rows, [2, 4, 6, 7]), ...(cab.index ? [indexTable(cab.index)] : [])].join('\n');
}

const inWords = (fitted: FittedLength | undefined): string =>
  fitted === undefined ? '' : typeof fitted.length === 'number' ? String(Math.round(fitted.length)) : fitted.length;

const fitOf = (fitted: FittedLength | undefined): string =>
  fitted === undefined ? '' : `${fitted.r2Baseline.toFixed(3)}, ${fitted.r2Mechanism.toFixed(3)}`;

const signed = (value: number): string => (value < 0 ? '' : '+') + value.toFixed(3);

function indexTable({ baseline, methods, tasks, correlations }: CompositionalIndex): string {
  const scored = attentionPatterns.filter((pattern) => tasks.some((task) => task.pattern === pattern));
  const names = [...new Set(tasks.flatMap(({ scores }) => Object.keys(scores)))];
  const rows = names.map((method) => [
    method,
    ...scored.map((pattern) => {
      const found = methods.find((each) => each.method === method && each.pattern === pattern);
      if (!found) return '';
      return found.index.toFixed(3) + (found.delta === undefined ? '' : ` (${signed(found.delta)})`);
    }),
  ]);
  const pairs = correlations.map(({ patterns, r }) => `${patterns.join(' and ')} ${r.toFixed(3)}`);
  return [
    `Compositional index of ${tasks.length} tasks (in brackets: above ${baseline})`,
    textTable(['method', ...scored], rows, [1, 2, 3, 4]),
    ...(pairs.length > 0 ? [`Correlation between patterns: ${pairs.join(', ')}`] : []),
  ].join('\n');
}
