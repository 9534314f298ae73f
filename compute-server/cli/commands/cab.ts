import { Option } from 'commander';
import { attentionPatterns, type AttentionPattern } from '../../../kernels/shape';
import type { MechanismInfo } from '../../../protocol/compute/api';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { limits } from '../../../protocol/results/limits';
import { FailureError } from '../../../protocol/wire/failures';
import { joinPatterns } from '../../harness/cab';
import { compositionalIndex } from '../../harness/statistics/compositional-index';
import { cabTable } from '../cab-table';
import { exitCodes, wrongUsage } from '../exit-codes';
import { bytes, collect, list, seconds, seed, threads, whole, word } from '../options';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { readScores } from '../score-file';
import { sayMachine } from '../machine-load';
import type { CommandSession } from '../session';
import { parametersFrom } from './bench-parameters';

interface CabOptions {
  readonly mechanisms?: readonly string[];
  readonly baseline: string;
  readonly patterns: readonly AttentionPattern[];
  readonly publishedSizes?: boolean;
  readonly lengths?: readonly number[];
  readonly batch?: number;
  readonly heads: number;
  readonly headDim: number;
  readonly param?: readonly string[];
  readonly threads: number;
  readonly seed: number;
  readonly seconds: number;
  readonly memory: boolean;
  readonly memoryLimit?: number;
  readonly scores?: string;
  readonly json?: string;
}

/** headscope cab: CAB's four patterns, efficiency lengths and compositional index. */
export const cab: Registration = (program, session) => {
  const [length, width] = [whole(...limits.length), whole(...limits.width)];
  program
    .command('cab')
    .description(
      'Measure from which length each mechanism pays in time and memory, in the four patterns of attention (CAB), and rank your own scores.',
    )
    .option('--mechanisms <ids>', 'mechanisms, separated by commas (default: all)', list(word))
    .option('--baseline <id>', 'the quadratic mechanism that the others are compared with', 'scaled-dot-product')
    .addOption(
      new Option('--patterns <patterns>', `patterns, separated by commas (of ${attentionPatterns.join(', ')})`)
        .argParser(list(patternOf))
        .default([...attentionPatterns]),
    )
    .option(
      '--published-sizes',
      "CAB's own sizes where nothing else is given: batch 4, 8 heads of 64, lengths 256 to 8192, windows and random features of 16",
    )
    .option('--lengths <n,n>', 'lengths, four at least, separated by commas (default: 256,512,1024,2048)', list(length))
    .option('--batch <n>', 'batch size (default: 1)', whole(...limits.batch))
    .option('--heads <n>', 'heads', whole(...limits.heads), 8)
    .option('--head-dim <n>', 'width of a head', width, 64)
    .option('--param <id.name=value>', 'a parameter of a mechanism, such as wersa.levels=0; may be repeated', collect)
    .option('--threads <n>', 'threads of the cpu, 0 for as many as the runtime chooses', threads, 0)
    .option('--seed <n>', 'seed of the inputs, the sampled rows and the order', seed, 0)
    .option('--seconds <s>', 'most seconds of timing per length', seconds, 10)
    .option('--no-memory', 'do not measure peak memory')
    .option('--memory-limit <size>', 'refuse cells that need more, e.g. 6GB (default: a share of the memory)', bytes)
    .option('--scores <file>', 'scores of tasks as JSON, for the compositional index')
    .addOption(jsonOption())
    .action((options: CabOptions) => run(options, session));
};

function patternOf(text: string): AttentionPattern {
  const found = attentionPatterns.find((pattern) => pattern === text);
  if (!found) throw wrongUsage(`There is no pattern "${text}". Choose among ${attentionPatterns.join(', ')}.`);
  return found;
}

async function run(options: CabOptions, session: CommandSession): Promise<void> {
  const tasks = options.scores === undefined ? undefined : await readScores(options.scores);
  const client = session.compute(options.memoryLimit ? { HEADSCOPE_MEMORY_LIMIT: String(options.memoryLimit) } : {});
  const known = await client.call('mechanisms', [], { signal: session.signal });
  const plans = setupsFrom(options, known);
  const results: BenchmarkResult[] = [];
  for (const plan of plans) {
    const result = await measured(plan, client, session, results.length > 0);
    if (result) results.push(result);
    if (result?.state !== 'done') break;
  }
  if (results.length === 0) throw wrongUsage('There is no pattern to measure. Give --patterns one of CAB.');
  const joined = joinPatterns(results, plans.length, known);
  const { baseline } = joined.plan;
  const cab = { ...joined.cab, ...(tasks ? { index: compositionalIndex(tasks, baseline) } : {}) };
  const result: BenchmarkResult = { ...joined, cab };
  if (options.json !== undefined) await session.writeJson(options.json, result);
  sayMachine(session, result);
  if (options.json !== '-') {
    if (result.state !== 'done') session.note('Cancelled: these measures are incomplete.');
    session.print(cabTable(result.plan, cab));
  }
  const rows = results.flatMap((each) => each.rows);
  session.exitCode =
    result.state !== 'done'
      ? exitCodes.cancelled
      : rows.some(({ refusal }) => refusal === 'wrong' || refusal === 'impossible')
        ? exitCodes.findings
        : exitCodes.done;
}

/** Undefined when it was cancelled after an earlier pattern was measured. */
async function measured(
  plan: BenchmarkSetup,
  client: ComputeClient,
  session: CommandSession,
  hasEarlier: boolean,
): Promise<BenchmarkResult | undefined> {
  try {
    return await client.call('benchmark', [plan], {
      signal: session.signal,
      onProgress(progress) {
        if (progress.kind === 'stage') {
          session.progress(`${plan.shape.pattern} ${progress.done}/${progress.total} ${progress.sentence}`);
        }
      },
    });
  } catch (error) {
    const cancelled = error instanceof FailureError && error.failure.code === 'cancelled';
    if (cancelled && hasEarlier) return undefined;
    throw error;
  }
}

const usualSizes = { batch: 1, lengths: [256, 512, 1024, 2048], parameters: [] as readonly string[] };

/** Sizes in the released scripts (arXiv:2210.07661): windows of local attention, random features. */
const publishedSizes = {
  batch: 4,
  lengths: [256, 512, 1024, 2048, 4096, 8192],
  parameters: ['sliding-window.window=16', 'wersa.features=16'],
};

function setupsFrom(options: CabOptions, known: readonly MechanismInfo[]): BenchmarkSetup[] {
  const mechanisms = options.mechanisms ?? known.map(({ id }) => id);
  for (const id of [...mechanisms, options.baseline]) {
    if (!known.some((mechanism) => mechanism.id === id)) {
      throw wrongUsage(`There is no mechanism "${id}". Choose among ${known.map((each) => each.id).join(', ')}.`);
    }
  }
  const usual = options.publishedSizes ? publishedSizes : usualSizes;
  const lengths = [...new Set(options.lengths ?? usual.lengths)].sort((a, b) => a - b);
  const usualParameters = usual.parameters.filter((text) => mechanisms.includes(text.split('.')[0]!));
  const parameters = parametersFrom([...usualParameters, ...(options.param ?? [])]);
  if (lengths.length < 4) {
    throw wrongUsage(
      `A parabola through ${lengths.length} lengths always fits, so its fit shows nothing. Give --lengths four or more.`,
    );
  }
  const patterns = attentionPatterns.filter((pattern) => options.patterns.includes(pattern));
  const without = patterns.filter(
    (pattern) => known.find(({ id }) => id === options.baseline)?.patterns[pattern] !== true,
  );
  if (without.length > 0) {
    throw wrongUsage(
      `${options.baseline} does not run ${without.join(', ')}. Choose another --baseline or --patterns.`,
    );
  }
  return patterns.map((pattern) => ({
    mechanisms,
    baseline: options.baseline,
    shape: {
      pattern,
      batch: options.batch ?? usual.batch,
      heads: options.heads,
      kvHeads: options.heads,
      headDim: options.headDim,
      valueDim: options.headDim,
      lengths,
    },
    parameters,
    device: 'cpu',
    threads: options.threads,
    precision: 'float32',
    seed: options.seed,
    secondsPerLength: options.seconds,
    measureMemory: options.memory,
  }));
}
