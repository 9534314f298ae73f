/** How a saved benchmark is named and described in a list. */
import { benchmarkSuffix } from '../../protocol/contributions/views';
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult } from '../../protocol/results/benchmark-schema';
import { threadWords } from '../../protocol/results/thread-words';
import { fileNameOf, threeDigits, type ResultLine } from './result-words';

/** The last folder of the config's path, or the shape when no config gave it; and what was measured of it. */
export function subjectOf(plan: BenchmarkSetup): string {
  const { heads, kvHeads, headDim, pattern, mode } = plan.shape;
  const folder = plan.origin === undefined ? undefined : modelName(plan.origin);
  return `${folder ?? `${heads}x${kvHeads}x${headDim}`} ${mode === 'decode' ? 'decode' : pattern}`;
}

/** `Llama-3.1-8B` for `…/Llama-3.1-8B/config.json`; the text itself when it is no path. */
export function modelName(origin: string): string {
  const parts = origin.split(/[\\/]/).filter((part) => part !== '');
  const last = parts.at(-1) ?? origin;
  const name = /\.json$/i.test(last) ? (parts.at(-2) ?? last) : last;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

export const resultFileName = ({ created, plan, state }: BenchmarkResult): string =>
  fileNameOf(created, `${subjectOf(plan)}${state === 'done' ? '' : ` ${state}`}`, benchmarkSuffix);

/** `1.21x (1.20 to 1.24)`: the baseline's time over the mechanism's, median and 95 % interval. */
function ratioText(row: BenchmarkRow): string | undefined {
  const ratio = row.ratioToBaseline;
  if (ratio === undefined) return undefined;
  return `${threeDigits(ratio.median)}x (${threeDigits(ratio.low)} to ${threeDigits(ratio.high)})`;
}

/** One line a mechanism, at the longest length it was measured at; `titles` by id, an unknown one keeps its id. */
export function mechanismLines(result: BenchmarkResult, titles: ReadonlyMap<string, string>): readonly ResultLine[] {
  const names = [
    ...new Set([result.plan.baseline, ...result.plan.mechanisms, ...result.rows.map((row) => row.mechanism)]),
  ];
  return names.flatMap((id): ResultLine[] => {
    const label = titles.get(id) ?? id;
    const rows = result.rows.filter((row) => row.mechanism === id);
    const measured = rows.filter((row) => row.ok && row.medianMs !== undefined);
    const longest = measured.reduce<BenchmarkRow | undefined>(
      (best, row) => (best === undefined || row.length > best.length ? row : best),
      undefined,
    );
    if (longest?.medianMs !== undefined) {
      const time = `${threeDigits(longest.medianMs)} ms at ${longest.length.toLocaleString('en-US')}`;
      const ratio = id === result.plan.baseline ? 'baseline' : ratioText(longest);
      return [{ label, text: ratio === undefined ? time : `${time}, ${ratio}` }];
    }
    const failure = rows.find((row) => !row.ok);
    return failure === undefined ? [] : [{ label, text: failure.reason ?? 'failed', failed: true }];
  });
}

const stateWords = { done: '', cancelled: 'cancelled before its end, ', failed: 'ended by a failure, ' } as const;

export function resultDescription(result: BenchmarkResult): string {
  const count = new Set(result.rows.map((row) => row.mechanism)).size;
  const kinds = count === 1 ? '1 mechanism' : `${count} mechanisms`;
  return `${stateWords[result.state]}${subjectOf(result.plan)}, ${kinds}, ${result.device.provider}`;
}

/** Plain lines for a tooltip: what was measured, where, with what. */
export function resultDetails(result: BenchmarkResult): readonly string[] {
  const { shape } = result.plan;
  return [
    `${shape.mode === 'decode' ? 'one token decoded on a cache' : shape.pattern}, batch ${shape.batch}, ${shape.heads} query heads on ${shape.kvHeads} key/value heads of ${shape.headDim}`,
    `lengths ${shape.lengths.map((length) => length.toLocaleString('en-US')).join(', ')}`,
    `${result.device.name}, ${result.device.provider}, ${threadWords(result.device.threads)}, ${result.plan.precision}`,
    `${result.device.runtime}, ${result.device.platform}, Headscope ${result.headscope}, seed ${result.seed}`,
    `${stateWords[result.state]}${result.created}, ${threeDigits(result.seconds)} s`,
  ];
}
