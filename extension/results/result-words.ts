/** How saved results are named, and how a benchmark is described in a list. Pure. */
import { threadWords } from '../../protocol/results/provenance';
import type { BenchmarkPlan, BenchmarkResult, BenchmarkRow } from '../../protocol/results/benchmark';
import { benchmarkSuffix, hallucinationSuffix, headsSuffix } from '../../protocol/contributions/views';

const digits = (value: number, count: number): string => String(value).padStart(count, '0');

/** `2026-11-24-150312` in local time: sorts by time and is allowed in file names everywhere. */
export function timeStamp(time: Date): string {
  const day = `${time.getFullYear()}-${digits(time.getMonth() + 1, 2)}-${digits(time.getDate(), 2)}`;
  return `${day}-${digits(time.getHours(), 2)}${digits(time.getMinutes(), 2)}${digits(time.getSeconds(), 2)}`;
}

/** What a name may hold on every file system; the rest becomes a hyphen. Never empty, never hidden, at most 80 characters. */
export function fileStem(name: string): string {
  const stem = name
    .normalize('NFC')
    .replace(/[\p{Cc}\\/:*?"<>|]+/gu, '-')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^[.\- ]+|[.\- ]+$/g, '');
  const short = Array.from(stem).slice(0, 80).join('');
  return short === '' ? 'result' : short;
}

/** The last folder of the config's path, or the shape when no config gave it; and what was measured of it. */
export function subjectOf(plan: BenchmarkPlan): string {
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

/** The time first, so that names sort by it, then what it is of. */
export const fileNameOf = (created: string, subject: string, suffix: string): string =>
  `${fileStem(`${timeStamp(new Date(created))} ${subject}`).replaceAll(' ', '-')}${suffix}`;

export const resultFileName = ({ created, plan, state }: BenchmarkResult): string =>
  fileNameOf(created, `${subjectOf(plan)}${state === 'done' ? '' : ` ${state}`}`, benchmarkSuffix);

/** `2026-11-24 15:03 · name`: how a result stands in a list, without the time that its file's name may hold already. */
export function listedName(created: string, name: string): string {
  const time = new Date(created);
  if (Number.isNaN(time.getTime())) return name;
  const rest = name.replace(/^\d{4}-\d\d-\d\d-\d{6}-?/, '').replace(/-\d{4}-\d\d-\d\d-\d{6}(?=$|-\d+$)/, '');
  const [day, clock] = [timeStamp(time).slice(0, 10), timeStamp(time).slice(11)];
  return `${day} ${clock.slice(0, 2)}:${clock.slice(2, 4)}${rest === '' ? '' : ` · ${rest}`}`;
}

const suffixes = [benchmarkSuffix, headsSuffix, hallucinationSuffix];

/** The ending that says what a saved file holds; empty for any other file. */
export const suffixOf = (file: string): string => suffixes.find((suffix) => file.endsWith(suffix)) ?? '';

export const withoutSuffix = (file: string): string => file.slice(0, file.length - suffixOf(file).length);

/** `name`, or `name-2`, `name-3` … when it is taken. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let count = 2; ; count += 1) {
    const candidate = `${withoutSuffix(name)}-${count}${suffixOf(name)}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Three significant digits, thousands without exponent. */
export function threeDigits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1e6 || magnitude < 1e-3) return value.toExponential(2);
  return magnitude >= 100 ? Math.round(value).toLocaleString('en-US') : Number(value.toPrecision(3)).toString();
}

/** `1.21x (1.20 to 1.24)`: the baseline's time over the mechanism's, median and 95 % interval. */
function ratioText(row: BenchmarkRow): string | undefined {
  const ratio = row.ratioToBaseline;
  if (ratio === undefined) return undefined;
  return `${threeDigits(ratio.median)}x (${threeDigits(ratio.low)} to ${threeDigits(ratio.high)})`;
}

export interface MechanismLine {
  readonly mechanism: string;
  readonly text: string;
  readonly failed: boolean;
}

/** One line a mechanism, at the longest length it was measured at; `titles` by id, an unknown one keeps its id. */
export function mechanismLines(result: BenchmarkResult, titles: ReadonlyMap<string, string>): readonly MechanismLine[] {
  const names = [
    ...new Set([result.plan.baseline, ...result.plan.mechanisms, ...result.rows.map((row) => row.mechanism)]),
  ];
  return names.flatMap((id): MechanismLine[] => {
    const mechanism = titles.get(id) ?? id;
    const rows = result.rows.filter((row) => row.mechanism === id);
    const measured = rows.filter((row) => row.ok && row.medianMs !== undefined);
    const longest = measured.reduce<BenchmarkRow | undefined>(
      (best, row) => (best === undefined || row.length > best.length ? row : best),
      undefined,
    );
    if (longest?.medianMs !== undefined) {
      const time = `${threeDigits(longest.medianMs)} ms at ${longest.length.toLocaleString('en-US')}`;
      const ratio = id === result.plan.baseline ? 'baseline' : ratioText(longest);
      return [{ mechanism, text: ratio === undefined ? time : `${time}, ${ratio}`, failed: false }];
    }
    const failure = rows.find((row) => !row.ok);
    return failure === undefined ? [] : [{ mechanism, text: failure.reason ?? 'failed', failed: true }];
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
