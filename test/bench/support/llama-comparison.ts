/**
 * Headscope against llama.cpp on the same file and the same token ids: each in a process of its own, in turns, so that what else
 * the machine does falls on all. Prompts must give about the same log p before a time is taken.
 */
import { join } from 'node:path';
import { ratioOfPairs } from '../../../compute-server/harness/statistics/ratio';
import { summary } from '../../../compute-server/harness/statistics/summary';
import type { WeightChoice } from '../../../protocol/inputs/weights';
import type { Report } from './bench';
import { installLlamaCpp } from './llama-cpp/install';
import { SequenceProcess, type SequenceJob } from './sequence-messages';

export interface Amount {
  /** Tokens of the prompt, and how often it is run. */
  readonly lengths: readonly (readonly [length: number, rounds: number])[];
  readonly decodeRounds: number;
}

export const usualAmount: Amount = {
  lengths: [
    [512, 6],
    [2048, 3],
  ],
  decodeRounds: 16,
};

/** Shows that the comparison runs; its times say little. */
export const shortAmount: Amount = {
  lengths: [
    [64, 2],
    [128, 2],
  ],
  decodeRounds: 2,
};

/** Tokens of one turn. */
const tokens = 4;
/** Length of the prompt on which all must agree. */
const agreementLength = 64;

export interface Targets {
  readonly decode?: number;
  readonly prefill?: number;
  readonly statistics?: number;
}

export interface Comparison {
  /** What figures call it. */
  readonly name: string;
  readonly file: string;
  readonly vocabulary: number;
  readonly threads: number;
  /** How Headscope multiplies, each in a process of its own. */
  readonly ways: Readonly<Partial<Record<WeightChoice, Targets>>>;
  /** Largest difference of log p over the whole vocabulary that passes as rounding. */
  readonly difference: number;
  readonly amount: Amount;
}

interface Side {
  readonly name: string;
  readonly process: SequenceProcess;
  readonly targets: Targets;
}

export async function compareWithLlamaCpp(report: Report, comparison: Comparison): Promise<void> {
  const { name: what, file: path, vocabulary, threads, amount } = comparison;
  const library = await installLlamaCpp();
  const longest = Math.max(...amount.lengths.map(([length]) => length));
  const job = { path, threads, vocabulary, context: longest + amount.decodeRounds * tokens + 64 };
  const sides: Side[] = [];
  const llama = await start({ ...job, library });
  try {
    for (const [weights, targets] of Object.entries(comparison.ways) as readonly [WeightChoice, Targets][]) {
      sides.push({ name: weights, process: await start({ ...job, weights }), targets });
    }
    await requireAgreement(report, comparison, sides, llama);
    for (const [length, rounds] of amount.lengths)
      await race(report, what, sides, llama, { length, rounds, decodeRounds: amount.decodeRounds });
  } finally {
    await Promise.all([llama, ...sides.map(({ process }) => process)].map((each) => each.stop()));
  }
}

const start = (job: SequenceJob): Promise<SequenceProcess> =>
  SequenceProcess.start(
    join(__dirname, job.library === undefined ? 'headscope-process.ts' : 'llama-cpp/process.ts'),
    job,
  );

/** llama.cpp keeps keys and values in float16, and rounds activations to 8 bits if the file is quantised. */
async function requireAgreement(
  report: Report,
  { name, difference: most }: Comparison,
  sides: readonly Side[],
  llama: SequenceProcess,
): Promise<void> {
  const request = { do: 'prefill', length: agreementLength } as const;
  const { logProbabilities: theirs = new Float32Array(0), best: theirBest } = await llama.ask(request);
  for (const { name: way, process } of sides) {
    const { logProbabilities: own = new Float32Array(0), best } = await process.ask(request);
    const difference = own.reduce(
      (largest, value, id) => Math.max(largest, Math.abs(value - (theirs[id] ?? Infinity))),
      0,
    );
    report.figure({
      name: `largest difference of log p from llama.cpp's, ${name}, ${way}, ${agreementLength} tokens`,
      value: difference,
      unit: 'nat',
      target: most,
      note: `the most likely next token is ${best[0] === theirBest[0] ? 'the same' : 'another'}`,
    });
    if (!(difference <= most))
      throw new Error('Headscope and llama.cpp do not compute the same model: nothing is timed.');
  }
}

type Times = Map<string, number[]>;

async function race(
  report: Report,
  what: string,
  sides: readonly Side[],
  llama: SequenceProcess,
  { length, rounds, decodeRounds }: Readonly<Record<'length' | 'rounds' | 'decodeRounds', number>>,
): Promise<void> {
  const prefill: Times = new Map();
  const plain: Times = new Map();
  const observed: Times = new Map();
  const add = (times: Times, name: string, ms: readonly number[]): void => {
    const all = times.get(name) ?? [];
    all.push(summary(ms).median);
    times.set(name, all);
  };
  const all = [...sides, { name: 'llama.cpp', process: llama }];
  for (let round = 0; round < rounds; round++) {
    for (const { name, process } of all) add(prefill, name, (await process.ask({ do: 'prefill', length })).ms);
  }
  for (let round = 0; round < decodeRounds; round++) {
    for (const { name, process } of all) add(plain, name, (await process.ask({ do: 'decode', tokens })).ms);
    for (const { name, process } of sides) {
      add(observed, name, (await process.ask({ do: 'decode', tokens, statistics: true })).ms);
    }
  }
  for (const { name, targets } of sides) {
    const at = `${what}, ${name}`;
    ratio(report, `prefill of ${length} tokens over llama.cpp's, ${at}`, prefill, name, prefill, targets.prefill);
    ratio(report, `a token behind ${length} over llama.cpp's, ${at}`, plain, name, plain, targets.decode);
    const looked = `a token behind ${length} with statistics of all heads over one without, ${at}`;
    ratio(report, looked, observed, name, plain, targets.statistics, name);
  }
}

/** `times` of a side over those of `base`, round by round. */
function ratio(
  report: Report,
  figure: string,
  times: Times,
  side: string,
  bases: Times,
  target: number | undefined,
  base = 'llama.cpp',
): void {
  const [own = [], other = []] = [times.get(side), bases.get(base)];
  const { median, low, high } = ratioOfPairs(own, other);
  const ms = [own, other].map((each) => summary(each).median.toFixed(1));
  report.figure({
    name: figure,
    value: median,
    unit: 'times',
    ...(target === undefined ? {} : { target }),
    note: `95 % from ${low.toFixed(2)} to ${high.toFixed(2)}; medians ${ms.join(' and ')} ms, ${own.length} rounds in turns`,
  });
}
