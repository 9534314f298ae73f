/**
 * Headscope against llama.cpp on the same weights and the same token ids: each in a process of its own, in turns, so that what else
 * the machine does falls on both. The two must agree before a time is taken.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './bench';
import { writeGguf, type GgufWeights } from './gguf';
import { installLlamaCpp } from './llama-cpp/install';
import { SequenceProcess, type SequenceAnswer, type SequenceJob } from './sequence-messages';

const lengths = [512, 2048] as const;
const prefillRounds = 3;
const decodeRounds = 16;
/** Tokens of one turn. */
const tokens = 4;
/** Length of the prompt on which both must agree, and tokens behind it. */
const agreement = { length: 256, tokens: 16 } as const;

interface Targets {
  readonly decode: number;
  readonly prefill?: number;
  /** Largest difference of log p over the whole vocabulary that passes as rounding. */
  readonly difference: number;
}

export interface Comparison {
  readonly folder: string;
  readonly vocabulary: number;
  readonly threads: number;
  readonly weights: GgufWeights;
  readonly targets: Targets;
}

export async function compareWithLlamaCpp(report: Report, comparison: Comparison): Promise<void> {
  const { folder, vocabulary, threads, weights, targets } = comparison;
  const library = await installLlamaCpp();
  const file = join(folder, `${weights}.gguf`);
  writeGguf(folder, file, weights);
  const common = { threads, vocabulary, context: Math.max(...lengths) + decodeRounds * tokens + 64 };
  const ours: SequenceJob = { ...common, path: folder, q8: weights === 'Q8_0' };
  const theirs: SequenceJob = { ...common, path: file, library };
  const kind = weights === 'Q8_0' ? '8 bits' : 'float32';
  try {
    await requireAgreement(report, ours, theirs, kind, targets.difference);
    const [headscope, llama] = await Promise.all([start(ours), start(theirs)]);
    try {
      for (const length of lengths) {
        await race(report, headscope, llama, length, kind, targets);
      }
    } finally {
      await Promise.all([headscope.stop(), llama.stop()]);
    }
  } finally {
    rmSync(file, { force: true });
  }
}

const start = (job: SequenceJob): Promise<SequenceProcess> =>
  SequenceProcess.start(
    join(__dirname, job.library === undefined ? 'headscope-process.ts' : 'llama-cpp/process.ts'),
    job,
  );

/** Both on the same ids; llama.cpp keeps its keys and values in float32 for this. */
async function requireAgreement(
  report: Report,
  ours: SequenceJob,
  theirs: SequenceJob,
  kind: string,
  most: number,
): Promise<void> {
  const [headscope, llama] = await Promise.all([start(ours), start({ ...theirs, exactCache: true })]);
  try {
    const { length, tokens: count } = agreement;
    const run = async (side: SequenceProcess): Promise<readonly [SequenceAnswer, SequenceAnswer]> => [
      await side.ask({ do: 'prefill', length }),
      await side.ask({ do: 'decode', tokens: count }),
    ];
    const [a, b] = await Promise.all([run(headscope), run(llama)]);
    const [own = new Float32Array(0), other = new Float32Array(0)] = [a[0].logProbabilities, b[0].logProbabilities];
    const difference = own.reduce(
      (largest, value, id) => Math.max(largest, Math.abs(value - (other[id] ?? Infinity))),
      0,
    );
    const [ownBest, otherBest] = [a, b].map((answers) => answers.flatMap(({ best }) => best));
    const same = ownBest?.filter((token, at) => token === otherBest?.[at]).length ?? 0;
    report.figure({
      name: `largest difference of log p from llama.cpp's, ${kind}, ${length} tokens, ${own.length} of the vocabulary`,
      value: difference,
      unit: '',
      target: most,
      note: `${same} of ${count + 1} most likely next tokens are the same`,
    });
    if (!(difference <= most))
      throw new Error('Headscope and llama.cpp do not compute the same model: nothing is timed.');
  } finally {
    await Promise.all([headscope.stop(), llama.stop()]);
  }
}

async function race(
  report: Report,
  headscope: SequenceProcess,
  llama: SequenceProcess,
  length: number,
  kind: string,
  targets: Targets,
): Promise<void> {
  const prefill: [number[], number[]] = [[], []];
  for (let round = 0; round < prefillRounds; round++) {
    const request = { do: 'prefill', length } as const;
    prefill[0].push(medianOf((await headscope.ask(request)).ms));
    prefill[1].push(medianOf((await llama.ask(request)).ms));
  }
  figures(report, `prefill of ${length} tokens, ${kind}`, prefill, targets.prefill);
  const plain: [number[], number[]] = [[], []];
  const observed: [number[], number[]] = [[], []];
  for (let round = 0; round < decodeRounds; round++) {
    const ms = medianOf((await headscope.ask({ do: 'decode', tokens })).ms);
    plain[0].push(ms);
    plain[1].push(medianOf((await llama.ask({ do: 'decode', tokens })).ms));
    const withStatistics = await headscope.ask({ do: 'decode', tokens, statistics: true });
    observed[0].push(medianOf(withStatistics.ms));
    observed[1].push(ms);
  }
  figures(report, `a token at ${length} keys, ${kind}`, plain, targets.decode);
  report.figure({
    name: `a token at ${length} keys with statistics of all heads, against one without, ${kind}`,
    ...ratio(observed),
    target: 1.3,
  });
}

function figures(report: Report, what: string, times: readonly [number[], number[]], target: number | undefined): void {
  report.figure({
    name: `${what}, against llama.cpp`,
    ...ratio(times),
    ...(target === undefined ? {} : { target }),
  });
  for (const [side, name] of ['Headscope', 'llama.cpp'].entries()) {
    const own = times[side] ?? [];
    report.figure({
      name: `${what}, ${name}`,
      value: medianOf(own),
      unit: 'ms',
      note: `best ${Math.min(...own).toFixed(1)}`,
    });
  }
}

/** The median of the ratios of each round, with the smallest and the largest. */
function ratio([ours, theirs]: readonly [number[], number[]]): { value: number; unit: string; note: string } {
  const ratios = ours.map((ms, round) => ms / (theirs[round] ?? Number.NaN));
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
  return { value: medianOf(ratios), unit: 'times', note: `${ratios.length} rounds in turns, ${low} to ${high}` };
}

const medianOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
