import { Option } from 'commander';
import { attentionPatterns } from '../../../kernels/shape';
import type { AttentionPattern } from '../../../protocol/results/benchmark';
import type {
  ShardedGrid,
  ShardedRow,
  ShardedScaling,
  VanillaScaling,
  WeakRow,
} from '../../../protocol/results/sharded';
import { limits } from '../../../protocol/results/limits';
import { verdict } from '../../../protocol/results/verdict';
import { bytesInWords } from '../../../protocol/wire/words';
import { exitCodes, wrongUsage } from '../exit-codes';
import { bytes, list, seconds, seed, whole } from '../options';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';
import { textTable } from '../table';

interface DistributedOptions {
  readonly workers: readonly number[];
  readonly split: 'heads' | 'sequence' | 'both';
  readonly schedule: 'ring' | 'gather' | 'both';
  readonly balance: boolean;
  readonly weak?: boolean;
  readonly memoryLimit?: number;
  readonly pattern: AttentionPattern;
  readonly length: number;
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads?: number;
  readonly headDim: number;
  readonly seed: number;
  readonly seconds: number;
  readonly json?: string;
}

/** headscope distributed: one attention call over worker processes. */
export const distributed: Registration = (program, session) => {
  const [length, width] = [whole(...limits.length), whole(...limits.width)];
  program
    .command('distributed')
    .description('Split one attention call over worker processes, check it, and time it against one worker.')
    .option('--workers <n,n>', 'numbers of worker processes, one thread each', list(whole(1, 64)), [2])
    .addOption(
      new Option('--split <axis>', 'what is split over the workers')
        .choices(['heads', 'sequence', 'both'])
        .default('both'),
    )
    .addOption(
      new Option('--schedule <schedule>', 'how keys reach the workers along the sequence')
        .choices(['ring', 'gather', 'both'])
        .default('both'),
    )
    .option('--no-balance', 'causal: split the sequence in order, so that later workers have more to do')
    .option(
      '--weak',
      'also time each grid at a length that grows with the root of its workers, with as many pairs for each',
    )
    .addOption(
      new Option('--pattern <pattern>', 'what reads what').choices([...attentionPatterns]).default('causal-self'),
    )
    .option('--length <n>', 'queries and keys', length, 8192)
    .option('--batch <n>', 'batch size', whole(...limits.batch), 1)
    .option('--heads <n>', 'query heads', whole(...limits.heads), 8)
    .option('--kv-heads <n>', 'key/value heads (default: as many as query heads)', whole(...limits.heads))
    .option('--head-dim <n>', 'width of a head', width, 64)
    .option('--seed <n>', 'seed of the inputs, the sampled rows and the order', seed, 0)
    .option('--seconds <s>', 'most seconds of timing (up to three times as long for six rounds)', seconds, 20)
    .option('--memory-limit <size>', 'refuse runs that need more, e.g. 6GB (default: a share of the memory)', bytes)
    .addOption(jsonOption())
    .action((options: DistributedOptions) => run(options, session));
};

async function run(options: DistributedOptions, session: CommandSession): Promise<void> {
  const { pattern, length, batch, heads, headDim, balance, seed, seconds } = options;
  const kvHeads = options.kvHeads ?? heads;
  if (heads % kvHeads !== 0) {
    throw wrongUsage(`${kvHeads} key/value heads do not divide ${heads} query heads. Give --kv-heads a divisor.`);
  }
  const grids = gridsOf(options, kvHeads);
  const environment = options.memoryLimit ? { HEADSCOPE_MEMORY_LIMIT: String(options.memoryLimit) } : {};
  const result = await session.compute(environment).call(
    'distributed',
    [
      {
        shape: { pattern, batch, heads, kvHeads, headDim, valueDim: headDim, length },
        grids,
        balanced: balance,
        seed,
        seconds,
        ...(options.weak ? { weak: true } : {}),
      },
    ],
    { signal: session.signal, onProgress: ({ sentence }) => session.progress(sentence) },
  );
  if (options.json !== undefined) await session.writeJson(options.json, result);
  if (options.json !== '-') session.print(table(result));
  if (result.state === 'cancelled') session.exitCode = exitCodes.cancelled;
}

function gridsOf({ workers, split, schedule }: DistributedOptions, kvHeads: number): readonly ShardedGrid[] {
  const grids = workers.flatMap((count): ShardedGrid[] => {
    if (count === 1) return [];
    if (split === 'heads' && count > kvHeads) {
      throw wrongUsage(`${kvHeads} key/value heads cannot be split over ${count} workers. Give fewer --workers.`);
    }
    return [
      ...(split !== 'sequence' && count <= kvHeads
        ? [{ headWorkers: count, sequenceWorkers: 1, schedule: 'ring' as const }]
        : []),
      ...(split === 'heads'
        ? []
        : (['ring', 'gather'] as const)
            .filter((each) => schedule === 'both' || schedule === each)
            .map((each) => ({ headWorkers: 1, sequenceWorkers: count, schedule: each }))),
    ];
  });
  if (grids.length === 0) throw wrongUsage('One worker is always measured. Give --workers a number above 1.');
  return grids;
}

function table({ plan, rows, fusedMs, vanilla, weak, includes, link, device, state }: ShardedScaling): string {
  const { shape } = plan;
  return [
    ...(state === 'done' ? [] : ['Cancelled: fewer rounds than planned.']),
    `${shape.pattern}, ${shape.length} positions, batch ${shape.batch}, ${shape.heads} heads on ${shape.kvHeads}, width ${shape.headDim}, float32, ${device.name}, one thread each, seed ${plan.seed}`,
    textTable(
      [
        'workers',
        'grid',
        'median ms',
        'cpu ms',
        'sd',
        'n',
        'speed-up',
        'predicted',
        '',
        'times fused',
        'passed',
        'error',
        'allowed',
      ],
      rows.map(cells),
      [0, 2, 3, 4, 5, 7, 9, 10, 11, 12],
    ),
    ...(vanilla ? [vanillaInWords(vanilla, rows)] : []),
    ...(weak ? [weakTable(weak)] : []),
    `fused, one thread: ${fusedMs.toPrecision(4)} ms. Link: ${(link.bytesPerSecond / 1e9).toFixed(1)} GB/s, ${link.latencyMs.toFixed(2)} ms.`,
    includes,
  ].join('\n');
}

/** What blocks gain and what workers gain, apart: together they are the gain over the whole matrix. */
function vanillaInWords(vanilla: VanillaScaling, rows: readonly ShardedRow[]): string {
  if ('reason' in vanilla) return vanilla.reason;
  const best = rows.reduce((a, b) => (b.medianMs < a.medianMs ? b : a));
  const gain = (ms: number) => `${(vanilla.medianMs / ms).toFixed(2)} times`;
  return `The whole matrix in one process, one thread: ${vanilla.medianMs.toPrecision(4)} ms. Blocks alone gain ${vanilla.gainOfBlocks.median.toFixed(2)} times (one worker), the best of ${best.workers} workers over it ${gain(best.medianMs)}.`;
}

const weakTable = (rows: readonly WeakRow[]): string =>
  [
    'Weak scaling: lengths at which each worker has as many pairs as one worker above',
    textTable(
      ['workers', 'grid', 'length', 'median ms', 'efficiency', 'error', 'allowed'],
      rows.map((row) => [
        String(row.workers),
        gridInWords(row),
        String(row.length),
        row.medianMs.toPrecision(4),
        `${row.efficiency.median.toFixed(2)} [${row.efficiency.low.toFixed(2)}, ${row.efficiency.high.toFixed(2)}]`,
        row.maxError.toExponential(1),
        row.tolerance.toExponential(1),
      ]),
      [0, 2, 3, 4, 5, 6],
    ),
  ].join('\n');

const gridInWords = ({ headWorkers, sequenceWorkers, schedule }: ShardedGrid): string =>
  `${headWorkers} x ${sequenceWorkers}${sequenceWorkers > 1 ? ` ${schedule}` : ''}`;

function cells(row: ShardedRow): string[] {
  const { speedUp, ratioToFused } = row;
  return [
    String(row.workers),
    gridInWords(row),
    row.medianMs.toPrecision(4),
    row.cpuMs.toPrecision(4),
    `${(row.relativeSd * 100).toFixed(1)} %`,
    String(row.samples),
    speedUp ? `${speedUp.median.toFixed(2)} [${speedUp.low.toFixed(2)}, ${speedUp.high.toFixed(2)}]` : '',
    row.predictedSpeedUp.toFixed(2),
    speedUp ? verdict(speedUp) : '',
    ratioToFused.median.toFixed(2),
    bytesInWords(row.passedBytes),
    row.maxError.toExponential(1),
    row.tolerance.toExponential(1),
  ];
}
