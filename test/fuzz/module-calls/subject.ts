/**
 * Runs of modules on parameters, inputs, shapes and files of every kind: each is refused by a sentence, or its graph is run, proved
 * and drawn, and what is saved of it can be read again. Numbers that are drawn from a seed prove right whatever the sizes.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { moduleMethods } from '../../../compute-server/modules/methods';
import { moduleJob } from '../../../compute-server/modules/module-job';
import { Lane } from '../../../compute-server/dispatch/lane';
import type { Surroundings } from '../../../compute-server/surroundings';
import type { Parameter, ParameterValues } from '../../../kernels/mechanism';
import type { Module } from '../../../kernels/module';
import { moduleCatalogue } from '../../../kernels/module-catalogue';
import { drawCall } from '../../../kernels/module-parts/draw';
import type { Tensor } from '../../../kernels/tensors/tensor';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { type ModuleResult, savedModule } from '../../../protocol/results/module-schema';
import { parseJson } from '../../../protocol/schema/check';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { moduleCases } from '../../laws/modules/cases';
import { safetensorsBytes, type CheckpointTensor } from '../../support/safetensors-file';
import { mutateBytes, mutateTree, Random, strangeValue } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';

interface Input {
  readonly plan: unknown;
  readonly files: Readonly<Record<string, Buffer>>;
  /** Only parameters may be refused. */
  readonly drawn: boolean;
}

const picture = resolve('test/fixtures/pictures/rgb.png');
/** What a file of the worker's folder is called in a plan. */
const inFolder = '@folder@/';

/** A reference of more operations takes too much of a tier's time. */
const mostFlops = 2e7;

function numberOf(random: Random, { min, max }: { readonly min: number; readonly max: number }): unknown {
  if (random.chance(0.05)) return random.pick([min - 1, max + 1, max * 1000, min + 0.5, -0, 1e308]);
  return random.chance(0.05) ? random.pick([min, max]) : undefined;
}

function valueOf(random: Random, parameter: Parameter): unknown {
  switch (parameter.kind) {
    case 'choice':
      return random.chance(0.03) ? 'another' : random.pick(parameter.options);
    case 'boolean':
      return random.chance(0.5);
    case 'integer':
      return (
        numberOf(random, parameter) ??
        random.whole(Math.max(1, parameter.min), Math.min(parameter.max, Math.max(8, parameter.min)))
      );
    case 'number':
      return numberOf(random, parameter) ?? parameter.min + (parameter.max - parameter.min) * random.unit();
  }
}

/** Parameters of a case, some of them others. */
function parametersOf(random: Random, module: Module): Record<string, unknown> {
  const from = random.pick(moduleCases.find((each) => each.module === module)!.settings);
  const share = random.pick([0, 0.2, 0.5]);
  const changed = Object.entries<Parameter>(module.parameters).flatMap(([name, parameter]) =>
    random.chance(share) ? [[name, valueOf(random, parameter)] as const] : [],
  );
  const given = { ...from, ...Object.fromEntries(changed) };
  const sound = soundOf(module, given);
  return sound && module.cost(sound).flops > mostFlops ? from : given;
}

function soundOf(module: Module, given: Readonly<Record<string, unknown>>): ParameterValues | undefined {
  const resolution = resolveTable(module.id, module.parameters, given as ParameterValues);
  return resolution.ok && module.refuse?.(resolution.values) === undefined ? resolution.values : undefined;
}

const stored = (x: Tensor): CheckpointTensor => ({ shape: x.shape, data: Float32Array.from(x.data) });

/** Tensors in a file, whole or damaged in names, shapes, numbers or bytes. */
function fileOf(random: Random, tensors: Readonly<Record<string, Tensor>>, prefix: string): Buffer {
  let named = Object.entries(tensors).map(([name, x]) => [prefix + name, stored(x)] as const);
  const damaged = random.chance(0.5);
  if (damaged && named.length > 0) {
    const at = random.whole(0, named.length - 1);
    const [name, { shape, data }] = named[at]!;
    switch (random.whole(0, 4)) {
      case 0:
        named = named.filter((_, other) => other !== at);
        break;
      case 1:
        named.push([`${name}_2`, { shape, data }]);
        break;
      case 2:
        named[at] = [name, { shape: [...shape, 2], data: Float32Array.from([...data, ...data]) }];
        break;
      case 3:
        named[at] = [
          name,
          { shape, data: data.map(() => random.pick([Infinity, Number.NaN, 1e30, -1e-38, 0, 0.5, 3e38])) },
        ];
        break;
      default:
        named[at] = [random.pick(['', '__metadata__', '.', 'x'.repeat(3000), '\u202e']), { shape, data }];
    }
  }
  const bytes = safetensorsBytes(new Map(named));
  return damaged && random.chance(0.2) ? mutateBytes(random, bytes, 3) : bytes;
}

function make(seed: number): Input {
  const random = new Random(seed);
  const module = moduleCatalogue[seed % moduleCatalogue.length]!;
  const parameters = parametersOf(random, module);
  // Files are of parameters that can be built; the plan may ask for others.
  const sizes = soundOf(module, parameters) ?? moduleCases.find((each) => each.module === module)!.settings[0]!;
  const call = drawCall(module, sizes, seed);
  const files: Record<string, Buffer> = {};
  const input = (): unknown => {
    switch (random.whole(0, 6)) {
      case 0:
        files['inputs.safetensors'] = fileOf(random, call.inputs, '');
        return { kind: 'tensors', file: `${inFolder}inputs.safetensors` };
      case 1:
        return { kind: 'picture', file: random.chance(0.8) ? picture : `${inFolder}none.png` };
      case 2: {
        const text = module.written?.example ?? 'a line';
        return {
          kind: 'written',
          text: random.chance(0.5) ? text : mutateBytes(random, Buffer.from(text), 4).toString(),
        };
      }
      default:
        return { kind: 'sample', sample: random.pick(module.samples).id };
    }
  };
  const weights = (): object => {
    const prefix = random.pick(['', 'blocks.0.', 'a.b.c.']);
    files['weights.safetensors'] = fileOf(random, call.weights, prefix);
    return {
      weights: { file: `${inFolder}weights.safetensors`, ...(random.chance(0.3) ? { prefix } : {}) },
    };
  };
  const choice = input();
  const plan = {
    module: module.id,
    parameters,
    input: choice,
    ...(random.chance(0.4) ? weights() : {}),
    device: 'cpu',
    threads: 1,
    precision: random.pick(['float32', 'float16']),
    seed,
    seconds: 0,
  };
  if (random.chance(0.1))
    return { plan: random.chance(0.1) ? strangeValue(random) : strange(random, plan), files, drawn: false };
  return { plan, files, drawn: (choice as { kind: string }).kind === 'sample' && !('weights' in plan) };
}

/** Changed anywhere but in what says how long it is timed and on which device. */
const strange = (random: Random, plan: object): unknown => {
  const changed = mutateTree(random, plan, 3);
  return typeof changed === 'object' && changed !== null && !Array.isArray(changed)
    ? { ...changed, seconds: 0 }
    : changed;
};

const placed = (value: unknown, folder: string): unknown =>
  typeof value === 'string'
    ? value.replace(inFolder, `${folder}/`)
    : Array.isArray(value)
      ? value.map((each) => placed(each, folder))
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, placed(each, folder)]))
        : value;

async function run({ plan, files, drawn }: Input, folder: string): Promise<Outcome> {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  const surroundings: Surroundings = {
    entry: resolve('compute-server/main.ts'),
    cacheFolder: join(folder, 'cache'),
    memoryLimit: 400e6,
    defaultThreads: 1,
    modelDevice: 'cpu',
    modelWeights: 'as-stored',
    keptWeightBytes: 0,
    log: () => {},
  };
  const { module } = moduleMethods(surroundings, new Lane());
  let result: ModuleResult;
  try {
    const [checked] = module.parse([placed(plan, folder)]);
    const job = moduleJob(checked, surroundings, new AbortController().signal);
    for (;;) {
      const step = await job.next();
      if (!step.done) continue;
      result = step.value;
      break;
    }
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    return { refusal: sentenceOf(error.failure).replaceAll(folder, '') };
  }
  const saved = parseJson(savedModule, JSON.stringify(result));
  assert.ok(saved.ok, saved.ok ? '' : `what it saved is not read: ${saved.why}`);
  if (drawn)
    assert.ok(
      result.proofs.every(({ ok }) => ok),
      result.finding,
    );
  return { value: { finding: result.finding, sections: result.sections.length } };
}

export const subject: Subject<Input> = {
  counts: { tier: 66, full: 3000 },
  least: { values: 0.2, refusals: 0.1 },
  make,
  run,
};
