/**
 * Runs a module: its outputs are proved against the float64 reference, then it is timed in turn with plain attention over the same
 * tokens, and its pictures are made of the reference's call.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sectionOf } from '../../diagnostics/shared/sections/picture-section';
import type { ParameterValues } from '../../kernels/mechanism';
import type { Module, ModuleCall, Tensors } from '../../kernels/module';
import { drawWeights, roundedCall } from '../../kernels/module-parts/draw';
import { buildModule } from '../../kernels/module-parts/graph';
import { plainGraph, plainInputs, plainMultiplyAdds, plainWeights } from '../../kernels/module-parts/plain-attention';
import { proofsOf } from '../../kernels/module-parts/proof';
import { inStandardOperators } from '../../kernels/graph/portable';
import type { Graph } from '../../kernels/graph/graph';
import { fromRuntime, toRuntime } from '../../kernels/tensors/precision';
import { random, seedFor } from '../../kernels/tensors/random';
import type { ModuleProgress } from '../../protocol/compute/modules';
import type {
  ModuleSetup,
  ModuleProof,
  ModuleResult,
  ModuleTime,
  ModuleTiming,
} from '../../protocol/results/module-schema';
import { verdict } from '../../protocol/results/verdict';
import { requireDevice } from '../devices/devices';
import type { Job } from '../dispatch/dispatcher';
import { arithmeticOn } from '../harness/arithmetic';
import { ratioOfPairs } from '../harness/statistics/ratio';
import { summary } from '../harness/statistics/summary';
import { interleave, pairs, type Series } from '../harness/timing';
import { openSession, type DeviceId, type RuntimeSession, type RuntimeValues } from '../runtime/session';
import type { Surroundings } from '../surroundings';
import { headscopeVersion } from '../version';
import { feedsOfModule, readInputs } from './inputs';
import { moduleOf, resolvedParameters } from './parameters';
import { costSection, proofSection } from './sections';
import { refusal } from '../../protocol/wire/failures';
import { readWeights } from './weights-file';

/** Floating-point operations of the module's reference, which is JavaScript: one of them takes ten seconds, and an output near its bound two more. */
const mostFlops = 1e10;

const stage = (sentence: string, share: number): ModuleProgress => ({ kind: 'stage', sentence, share });

export async function* moduleJob(
  plan: ModuleSetup,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<ModuleProgress, ModuleResult> {
  const started = performance.now();
  const module = moduleOf(plan.module);
  yield stage('Reading the input', 0);
  const { parameters, call, notes } = await callOf(module, plan, surroundings);
  const cost = module.cost(parameters);
  const threads = plan.threads || surroundings.defaultThreads;
  const { id, ...device } = await requireDevice(plan.device, threads, surroundings, signal);
  const open = new Sessions(id, threads);
  try {
    yield stage(`Proving ${module.title}`, 0.1);
    await nextTurn();
    const graph = buildModule(module, parameters, plan.precision, call.weights);
    const bound = await open.bind(graph, feedsOfModule(module, call.inputs, parameters, plan.precision));
    const { expected, proofs } = prove(module, parameters, plan, call, id, await bound.run());
    const isRight = proofs.every(({ ok }) => ok);
    const plain = module.plain(parameters);
    let timing: ModuleTiming | undefined;
    if (isRight && plan.seconds > 0 && !signal.aborted) {
      const weights = plainWeights(plain, plan.seed);
      const feeds = Object.entries(plainInputs(plain, plan.seed)).map(
        ([name, x]) => [name, { data: toRuntime(x, plan.precision), shape: x.shape }] as const,
      );
      const other = await open.bind(plainGraph(plain, plan.precision, weights), Object.fromEntries(feeds));
      timing = yield* timeBoth(
        plan,
        () => bound.run(),
        () => other.run(),
        signal,
      );
    }
    yield stage('Drawing', 0.95);
    const measured = { cost, plain: { ...plain, multiplyAdds: plainMultiplyAdds(plain) } };
    const pictures = module.pictures(call, expected, parameters);
    return {
      kind: 'headscope-module',
      version: 1,
      headscope: headscopeVersion,
      created: new Date().toISOString(),
      device: { id, ...device },
      settings: { memoryLimitBytes: surroundings.memoryLimit },
      seed: plan.seed,
      title: module.title,
      plan,
      parameters,
      notes,
      proofs,
      ...measured,
      ...(timing ? { timing } : {}),
      finding: findingOf(module, proofs, timing),
      sections: [...pictures.map(sectionOf), costSection(module, measured, timing), proofSection(module, proofs)],
      state: signal.aborted ? 'cancelled' : 'done',
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await open.release();
  }
}

/** Refuses what the reference would take too long for. */
function affordable(module: Module, parameters: ParameterValues): ParameterValues {
  const { flops } = module.cost(parameters);
  if (flops <= mostFlops) return parameters;
  throw refusal(
    `One call takes ${(flops / 1e9).toFixed(0)} GFLOP, and its float64 reference would take minutes. Choose smaller sizes.`,
  );
}

/** Parameters, inputs and weights as the graph reads them, and how they came about. */
async function callOf(
  module: Module,
  plan: ModuleSetup,
  surroundings: Surroundings,
): Promise<{ readonly parameters: ParameterValues; readonly call: ModuleCall; readonly notes: readonly string[] }> {
  const given = resolvedParameters(module, plan.parameters);
  const file = plan.weights && (await readWeights(module, given, plan.weights, surroundings.memoryLimit));
  const sized = affordable(module, file?.parameters ?? given);
  const read = await readInputs(module, sized, plan.input, plan.seed, surroundings);
  affordable(module, read.parameters);
  if (file && JSON.stringify(module.weights(read.parameters)) !== JSON.stringify(module.weights(file.parameters))) {
    throw refusal(
      'What is written asks for other sizes than the file of weights has. Write as many items as it was made for.',
    );
  }
  const weights: Tensors = file?.weights ?? drawWeights(module, read.parameters, plan.seed);
  return {
    parameters: read.parameters,
    call: roundedCall(module, { inputs: read.inputs, weights }, read.parameters, plan.precision),
    notes: [
      read.note,
      file?.note ??
        (Object.keys(weights).length === 0
          ? 'It has no weights.'
          : `Weights drawn from seed ${plan.seed}: not trained.`),
    ],
  };
}

/** Sessions that are released together. */
class Sessions {
  private readonly opened: RuntimeSession[] = [];

  constructor(
    private readonly device: DeviceId,
    private readonly threads: number,
  ) {}

  async bind(graph: Graph, feeds: RuntimeValues) {
    const own = this.device === 'cpu' ? graph : inStandardOperators(graph);
    const session = await openSession(own, { device: this.device, threads: this.threads });
    this.opened.push(session);
    return session.bind(feeds);
  }

  async release(): Promise<void> {
    for (const session of this.opened) await session.release();
  }
}

function prove(
  module: Module,
  parameters: ParameterValues,
  { precision }: ModuleSetup,
  call: ModuleCall,
  device: DeviceId,
  outputs: RuntimeValues,
): { readonly expected: Tensors; readonly proofs: readonly ModuleProof[] } {
  const actual = Object.fromEntries(
    Object.entries(outputs).map(([name, { data, shape }]) => {
      if (!(data instanceof Float32Array || data instanceof Uint16Array)) {
        throw new TypeError(`${module.id} gives "${name}" in another type than floating point`);
      }
      return [name, fromRuntime(data, shape)];
    }),
  );
  const { expected, prove: compare } = proofsOf(module, call, parameters, arithmeticOn(device, precision));
  const proofs = compare(actual, true).map(({ output, comparison }) => ({
    output,
    shape: actual[output]!.shape,
    ok: comparison.ok,
    maxError: comparison.nanMismatches > 0 ? Number.NaN : comparison.maxError,
    tolerance: comparison.tolerance,
  }));
  return { expected, proofs };
}

async function* timeBoth(
  plan: ModuleSetup,
  own: () => Promise<unknown>,
  plain: () => Promise<unknown>,
  signal: AbortSignal,
): AsyncGenerator<ModuleProgress, ModuleTiming | undefined, void> {
  const source = random(seedFor(plan.seed, 'order'));
  const timing = interleave(
    [
      { name: 'module', run: own },
      { name: 'plain', run: plain },
    ],
    { baseline: 'plain', seconds: plan.seconds, uniform: () => source.uniform(), signal },
  );
  const from = performance.now();
  let series: readonly Series[] = [];
  for (;;) {
    const step = await timing.next();
    if (step.done) break;
    series = step.value;
    const share = Math.min(1, (performance.now() - from) / (1000 * plan.seconds));
    yield stage('Timing it beside plain attention', 0.2 + 0.7 * share);
  }
  const of = (name: string): Series | undefined => series.find((each) => each.name === name);
  const [module, other] = [of('module'), of('plain')];
  if (!module || !other || module.times.size === 0 || other.times.size === 0) return undefined;
  const both = pairs(other, module);
  if (both[0].length === 0) return undefined;
  return { module: timeOf(module), plain: timeOf(other), ratio: ratioOfPairs(...both) };
}

function timeOf({ times }: Series): ModuleTime {
  const { median, quartiles } = summary([...times.values()]);
  return { medianMs: median, quartilesMs: quartiles, samples: times.size };
}

function findingOf(module: Module, proofs: readonly ModuleProof[], timing: ModuleTiming | undefined): string {
  const wrong = proofs.filter(({ ok }) => !ok);
  if (wrong.length > 0) {
    const names = wrong.map(({ output }) => `"${output}"`).join(', ');
    return `${module.title} is wrong here: ${names} differs from its float64 reference by more than rounding explains, so no time is shown.`;
  }
  const right = `${module.title} equals its float64 reference within what rounding explains.`;
  if (!timing) return right;
  const { ratio, module: own } = timing;
  const interval = `95 % interval ${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`;
  const ms = `${own.medianMs.toPrecision(3)} ms a call`;
  switch (verdict(ratio)) {
    case 'faster':
      return `${right} It takes ${ms}, ${ratio.median.toFixed(2)} times as fast as one layer of plain attention over the same tokens (${interval}).`;
    case 'slower':
      return `${right} It takes ${ms}, ${(1 / ratio.median).toFixed(2)} times as long as one layer of plain attention over the same tokens (${(1 / ratio.high).toFixed(2)} to ${(1 / ratio.low).toFixed(2)}).`;
    case 'same':
      return `${right} It takes ${ms}; whether that is faster or slower than one layer of plain attention over the same tokens the times do not decide (${interval}).`;
  }
}
