import { Option, type Command } from 'commander';
import { attentionPatterns } from '../../../kernels/shape';
import type { MechanismInfo } from '../../../protocol/compute/api';
import type { ComputeClient } from '../../../protocol/compute/client';
import { keptOnResume, type AttentionPattern, type BenchmarkMode } from '../../../protocol/results/benchmark';
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { isCross } from '../../../protocol/results/attention-pattern';
import { limits } from '../../../protocol/results/limits';
import { FailureError } from '../../../protocol/wire/failures';
import { stoppedResult } from '../../harness/stopped-result';
import { deviceIds, type DeviceId } from '../../runtime/session';
import { readSurroundings } from '../../surroundings';
import { benchTable } from '../bench-table';
import { commandErrorOf, exitCodes, wrongUsage } from '../exit-codes';
import { bytes, collect, list, seconds, seed, threads, whole, word } from '../options';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { sayMachine } from '../machine-load';
import type { CommandSession } from '../session';
import { jsonFile } from '../text-files';
import { parametersFrom } from './bench-parameters';

export interface BenchOptions {
  readonly mechanisms?: readonly string[];
  readonly baseline: string;
  readonly pattern: AttentionPattern;
  readonly mode: BenchmarkMode;
  readonly lengths: readonly number[];
  readonly keys?: number;
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads?: number;
  readonly headDim: number;
  readonly valueDim?: number;
  readonly param?: readonly string[];
  readonly device: DeviceId;
  readonly threads: number;
  readonly precision: BenchmarkSetup['precision'];
  readonly seed: number;
  readonly seconds: number;
  readonly backward?: boolean;
  readonly caches: boolean;
  readonly memory: boolean;
  readonly memoryLimit?: number;
  readonly resume?: string;
  readonly json?: string;
}

/** headscope bench: proves and times mechanisms against a baseline. */
export const bench: Registration = (program, session) => {
  withBenchOptions(
    program
      .command('bench')
      .description('Check attention mechanisms against their float64 reference and time them against a baseline.')
      .option(
        '--mechanisms <ids>',
        'mechanisms, separated by commas (default: all that support the pattern)',
        list(word),
      ),
  )
    .option('--param <id.name=value>', 'a parameter of a mechanism; may be given several times', collect)
    .option('--resume <file>', 'keep the rows of an earlier result of the same plan')
    .addOption(jsonOption())
    .action((options: BenchOptions) => run(options, session));
};

/** What bench takes as `headscope kernel` does. */
export function withBenchOptions(command: Command): Command {
  const [length, width] = [whole(...limits.length), whole(...limits.width)];
  return command
    .option('--baseline <id>', 'the mechanism that the others are compared with', 'fused')
    .addOption(
      new Option('--pattern <pattern>', 'what reads what').choices([...attentionPatterns]).default('causal-self'),
    )
    .addOption(
      new Option('--mode <mode>', 'prefill: n queries read n keys; decode: one query reads a cache of n keys')
        .choices(['prefill', 'decode'])
        .default('prefill'),
    )
    .option(
      '--lengths <n,n>',
      'query lengths (decode: lengths of the cache), separated by commas',
      list(length),
      [512, 1024, 2048],
    )
    .option('--keys <n>', 'key length (default: the query length)', length)
    .option('--batch <n>', 'batch size', whole(...limits.batch), 1)
    .option('--heads <n>', 'query heads', whole(...limits.heads), 8)
    .option('--kv-heads <n>', 'key/value heads (default: as many as query heads)', whole(...limits.heads))
    .option('--head-dim <n>', 'width of a query or key head', width, 64)
    .option('--value-dim <n>', 'width of a value head (default: as wide as a key head)', width)
    .addOption(new Option('--device <id>', 'the device').choices([...deviceIds]).default('cpu'))
    .option('--threads <n>', 'threads of the cpu, 0 for as many as the runtime chooses', threads, 0)
    .addOption(new Option('--precision <type>', 'number format').choices(['float32', 'float16']).default('float32'))
    .option('--seed <n>', 'seed of the inputs, the sampled rows and the order', seed, 0)
    .option(
      '--seconds <s>',
      'most seconds of timing per length (up to three times as long where six rounds take longer)',
      seconds,
      10,
    )
    .option('--backward', 'time forward and backward passes too (prefill only), their gradients proved before')
    .option('--no-caches', 'do not time runs with cold and with warm caches')
    .option('--no-memory', 'do not measure peak memory')
    .option('--memory-limit <size>', 'refuse cells that need more, e.g. 6GB (default: a share of the memory)', bytes);
}

async function run(options: BenchOptions, session: CommandSession): Promise<void> {
  const environment = options.memoryLimit ? { HEADSCOPE_MEMORY_LIMIT: String(options.memoryLimit) } : {};
  const client = session.compute(environment);
  const known = await client.call('mechanisms', [], { signal: session.signal });
  const plan = await setupFrom(options, known);
  const result = await runPlan(plan, client, session, environment);
  if (options.json !== undefined) await session.writeJson(options.json, result);
  if (options.json !== '-') session.print(benchTable(result));
  sayMachine(session, result);
  session.exitCode = exitCodeOf(result);
}

/** The result, also of a run that was stopped. */
export async function runPlan(
  plan: BenchmarkSetup,
  client: ComputeClient,
  session: CommandSession,
  environment: Readonly<Record<string, string>>,
): Promise<BenchmarkResult> {
  const rows: BenchmarkRow[] = [...(plan.done ?? [])];
  let result: BenchmarkResult;
  try {
    result = await client.call('benchmark', [plan], {
      signal: session.signal,
      onProgress(progress) {
        if (progress.kind === 'row') {
          if (progress.final) rows.push(progress.row);
          return;
        }
        const left = progress.secondsLeft ? `, about ${Math.ceil(progress.secondsLeft)} s left` : '';
        session.progress(
          `${progress.done}/${progress.total} ${progress.sentence}${left}`,
          progress.done / Math.max(1, progress.total),
        );
      },
    });
  } catch (error) {
    const cancelled = error instanceof FailureError && error.failure.code === 'cancelled';
    const restarted = error instanceof FailureError && error.failure.code === 'compute-restarted';
    if (!(cancelled || (restarted && rows.length > 0))) throw error;
    // The process was ended in mid-run: what it had sent is the result.
    const surroundings = readSurroundings('', { ...process.env, ...environment }, () => {});
    result = await stoppedResult(plan, rows, cancelled ? 'cancelled' : 'failed', surroundings);
    if (restarted) session.note(sentence(error));
  }
  return result;
}

const sentence = (error: FailureError): string => commandErrorOf(error).message;

/** A time above the roof is a failed check as a wrong output is; a run in which no mechanism asked for has a time has failed. */
export function exitCodeOf({ state, rows, plan }: BenchmarkResult): number {
  if (state === 'cancelled') return exitCodes.cancelled;
  if (state === 'failed') return exitCodes.failed;
  if (rows.some(({ refusal }) => refusal === 'wrong' || refusal === 'impossible')) return exitCodes.findings;
  return rows.some(({ ok, mechanism }) => ok && plan.mechanisms.includes(mechanism))
    ? exitCodes.done
    : exitCodes.failed;
}

export async function setupFrom(options: BenchOptions, known: readonly MechanismInfo[]): Promise<BenchmarkSetup> {
  const kvHeads = options.kvHeads ?? options.heads;
  if (options.heads % kvHeads !== 0) {
    throw wrongUsage(
      `${kvHeads} key/value heads do not divide ${options.heads} query heads. Give --kv-heads a divisor.`,
    );
  }
  if (options.mode === 'decode' && options.pattern !== 'causal-self') {
    throw wrongUsage('Decoding reads what came before: --mode decode takes --pattern causal-self.');
  }
  if (options.mode === 'decode' && options.backward) {
    throw wrongUsage('A decoding step has no backward pass: --backward takes --mode prefill.');
  }
  if (options.keys !== undefined && !isCross(options.pattern)) {
    throw wrongUsage(
      `In ${options.pattern} there are as many keys as queries: --keys takes --pattern noncausal-cross or causal-cross.`,
    );
  }
  const supporting = known.filter((mechanism) => mechanism.patterns[options.pattern] === true);
  const mechanisms = options.mechanisms ?? supporting.map((mechanism) => mechanism.id);
  for (const id of [...mechanisms, options.baseline]) {
    if (!known.some((mechanism) => mechanism.id === id)) {
      throw wrongUsage(`There is no mechanism "${id}". Choose among ${known.map((each) => each.id).join(', ')}.`);
    }
  }
  const plan: BenchmarkSetup = {
    mechanisms,
    baseline: options.baseline,
    shape: {
      pattern: options.pattern,
      batch: options.batch,
      heads: options.heads,
      kvHeads,
      headDim: options.headDim,
      valueDim: options.valueDim ?? options.headDim,
      lengths: [...new Set(options.lengths)].sort((a, b) => a - b),
      ...(options.mode === 'decode' ? { mode: options.mode } : {}),
      ...(options.keys === undefined ? {} : { keys: options.keys }),
    },
    parameters: parametersFrom(options.param ?? []),
    device: options.device,
    threads: options.threads,
    precision: options.precision,
    seed: options.seed,
    secondsPerLength: options.seconds,
    measureMemory: options.memory,
    ...(options.backward ? { backward: true } : {}),
    ...(options.caches ? { caches: true } : {}),
  };
  return options.resume === undefined ? plan : { ...plan, done: await rowsToKeep(options.resume, plan) };
}

/** What must be equal for rows of one run to be combined with rows of another. */
const comparable = (plan: BenchmarkSetup): string => {
  const { baseline, parameters, device, threads, precision, seed, backward = false } = plan;
  const { lengths: _lengths, ...fixed } = plan.shape;
  return JSON.stringify([
    baseline,
    Object.entries(fixed).sort(),
    parameters,
    device,
    threads,
    precision,
    seed,
    backward,
  ]);
};

async function rowsToKeep(file: string, plan: BenchmarkSetup): Promise<readonly BenchmarkRow[]> {
  const read = await jsonFile(file);
  const earlier = (typeof read === 'object' && read !== null ? read : {}) as Partial<BenchmarkResult>;
  if (earlier.kind !== 'headscope-bench' || !earlier.plan || !Array.isArray(earlier.rows)) {
    throw wrongUsage(`${file} is not a benchmark result. Name a file that "headscope bench --json" wrote.`);
  }
  if (comparable(earlier.plan) !== comparable(plan)) {
    throw wrongUsage(
      `${file} was measured with another baseline, shape, parameters, device, threads, precision, seed or --backward. Give the same options, or leave --resume out.`,
    );
  }
  return (earlier.rows as readonly BenchmarkRow[]).filter(keptOnResume);
}
