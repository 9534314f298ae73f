import { relative, resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import type { ComputeClient } from '../../../protocol/compute/client';
import { untriedShapes, type KernelCheck, type LawResult } from '../../../protocol/compute/own-kernels';
import type { AttentionPattern } from '../../../protocol/results/benchmark';
import type { BenchmarkSetup, KernelOfWorkspace } from '../../../protocol/results/benchmark-schema';
import type { ParameterValue } from '../../../protocol/schema/parts';
import { ownKernelName } from '../../../protocol/inputs/kernel-file';
import { benchTable } from '../bench-table';
import { exitCodes, wrongUsage } from '../exit-codes';
import { sayMachine } from '../machine-load';
import { collect, list, word } from '../options';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';
import { workspaceOf } from '../workspace-of';
import { exitCodeOf, runPlan, setupFrom, withBenchOptions, type BenchOptions } from './bench';

interface KernelOptions extends BenchOptions {
  readonly laws?: boolean;
}

interface AskedOptions extends KernelOptions {
  /** Whether --pattern was given. */
  readonly patternAsked: boolean;
}

/** headscope kernel: proves and times a mechanism of one's own. */
export const kernel: Registration = (program, session) => {
  withBenchOptions(
    program
      .command('kernel')
      .description(
        'Run a kernel file of your own (*.headscope-kernel.ts, or *.headscope-kernel.json beside an ONNX file): prove it against its float64 reference and the laws, and time it beside a baseline.',
      )
      .addArgument(new Argument('<file>', 'the kernel file; its code runs in a process of its own'))
      .option('--mechanisms <ids>', 'further mechanisms to time beside it, separated by commas', list(word)),
  )
    .option('--param <name=value>', 'a parameter of the file, or ID.NAME=VALUE of another mechanism', collect)
    .option('--laws', 'prove the laws only, and time nothing')
    .addOption(jsonOption())
    .action((file: string, options: KernelOptions, command: Command) =>
      run(file, { ...options, patternAsked: command.getOptionValueSource('pattern') !== 'default' }, session),
    );
};

async function run(given: string, options: AskedOptions, session: CommandSession): Promise<void> {
  const file = resolve(given);
  const here = process.cwd();
  const root = workspaceOf(file);
  const id = ownKernelName(file);
  const own: KernelOfWorkspace = { id, file, root };
  const { mine, others } = dealt(options.param ?? []);
  const environment = options.memoryLimit ? { HEADSCOPE_MEMORY_LIMIT: String(options.memoryLimit) } : {};
  const client = session.compute(environment);
  const known = await client.call('mechanisms', [], { signal: session.signal });
  const plan = await setupFrom({ ...options, mechanisms: options.mechanisms ?? [], param: others }, known);
  const check = await checked(own, mine, client, session);
  const quiet = options.json === '-';
  if (!quiet) session.print(lawLines(check, here));
  if (!check.ok || options.laws) {
    if (options.json !== undefined) await session.writeJson(options.json, { check });
    session.exitCode = check.ok ? exitCodes.done : exitCodes.findings;
    return;
  }
  const pattern = patternOf(check, options);
  if (!pattern) {
    if (options.json !== undefined) await session.writeJson(options.json, { check });
    throw wrongUsage(patternRefused(check, options.pattern));
  }
  if (!quiet && pattern !== plan.shape.pattern) {
    session.print(`\nTimed in ${pattern}: the file does not take ${plan.shape.pattern}.`);
  }
  const whole: BenchmarkSetup = {
    ...plan,
    shape: { ...plan.shape, pattern },
    mechanisms: [id, ...plan.mechanisms],
    parameters: { ...plan.parameters, [id]: mine },
    kernels: [own],
  };
  const benchmark = await runPlan(whole, client, session, environment);
  if (options.json !== undefined) await session.writeJson(options.json, { check, benchmark });
  if (!quiet) {
    session.print(`\n${benchTable(benchmark)}`);
    for (const { mechanism, length, reason } of benchmark.rows) {
      if (mechanism === id && reason !== undefined) session.print(`Length ${length}: ${reason}`);
    }
  }
  sayMachine(session, benchmark);
  session.exitCode = exitCodeOf(benchmark);
}

async function checked(
  kernel: KernelOfWorkspace,
  parameters: Readonly<Record<string, ParameterValue>>,
  client: ComputeClient,
  session: CommandSession,
): Promise<KernelCheck> {
  let done = 0;
  return client.call('checkKernel', [{ kernel, parameters }], {
    signal: session.signal,
    onProgress: ({ result: { law, pattern } }) => session.progress(`${++done} ${law} (${pattern})`),
  });
}

/** `name=value` is of the file; `id.name=value` of another mechanism. */
function dealt(given: readonly string[]): {
  readonly mine: Readonly<Record<string, ParameterValue>>;
  readonly others: readonly string[];
} {
  const mine: Record<string, ParameterValue> = {};
  const others: string[] = [];
  for (const text of given) {
    const [, name, value] = /^([^=]+)=(.*)$/u.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw wrongUsage(`--param takes NAME=VALUE, such as window=64, not "${text}".`);
    }
    if (name.includes('.')) others.push(text);
    else mine[name] = valueOf(value);
  }
  return { mine, others };
}

function valueOf(text: string): ParameterValue {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

const patternsTried = ({ laws }: KernelCheck): readonly AttentionPattern[] => [
  ...new Set(laws.map(({ pattern }) => pattern as AttentionPattern)),
];

/** The pattern to time in. Where none was asked for and the usual one is not supported: the first that is. */
function patternOf(check: KernelCheck, { pattern, patternAsked, mode }: AskedOptions): AttentionPattern | undefined {
  const tried = patternsTried(check);
  if (tried.includes(pattern)) return pattern;
  return patternAsked || mode === 'decode' ? undefined : tried[0];
}

function patternRefused(check: KernelCheck, pattern: AttentionPattern): string {
  const why = check.refused.find((shape) => shape.pattern === pattern)?.why ?? '';
  return `The file is not timed in ${pattern}: ${why} Choose --pattern ${patternsTried(check).join(' or ')}.`;
}

/** Each law once, with the first shape at which it does not hold, and then the shapes that no law was tried on. */
function lawLines(check: KernelCheck, here: string): string {
  const { title, laws } = check;
  const byLaw = new Map<string, LawResult[]>();
  for (const result of laws) byLaw.set(result.law, [...(byLaw.get(result.law) ?? []), result]);
  const lines = [...byLaw].map(([law, results]) => {
    const wrong = results.find(({ ok }) => !ok);
    if (!wrong) return `  holds  ${law} (${results.length} ${results.length === 1 ? 'shape' : 'shapes'})`;
    const { pattern, queries, keys } = wrong;
    const where = pattern === '' ? '' : ` (${pattern}, ${queries} queries, ${keys} keys)`;
    return `  FAILS  ${law}${where}\n         ${placed(wrong, here)}`;
  });
  const untried = untriedShapes(check).map(({ words }) => `  not tried  ${words}`);
  return [title ?? 'The file could not be loaded', ...lines, ...untried].join('\n');
}

function placed({ sentence = '', place }: LawResult, here: string): string {
  if (!place) return sentence;
  const path = relative(here, place.file);
  const shown = path.startsWith('..') ? place.file : path;
  return `${shown}:${place.line}${place.column === undefined ? '' : `:${place.column}`}: ${sentence}`;
}
