/** The methods that have to do with modules. */
import { moduleCatalogue } from '../../kernels/module-catalogue';
import { resolvedParameters } from './parameters';
import type { ModuleInfo, ModuleMethods } from '../../protocol/compute/modules';
import { moduleSetupRequest } from '../../protocol/results/module-schema';
import type { Methods } from '../dispatch/dispatcher';
import { threads } from '../harness/kernel-requests';
import { jobAlone, type Lane } from '../dispatch/lane';
import { countOf, requested } from '../dispatch/parse';
import type { Surroundings } from '../surroundings';
import { moduleJob } from './module-job';

export const moduleMethods = (surroundings: Surroundings, lane: Lane): Pick<Methods, keyof ModuleMethods> => ({
  modules: {
    parse(args) {
      countOf(args, 0, 'modules');
      return [];
    },
    run: () => Promise.resolve(describeModules()),
  },
  module: {
    parse(args) {
      countOf(args, 1, 'module');
      const plan = requested(moduleSetupRequest, args[0], 'the plan');
      return [{ ...plan, threads: requested(threads, plan.threads, 'threads') }];
    },
    run: ([plan], signal) =>
      jobAlone(lane, signal, () => moduleJob(plan, surroundings, signal), { name: 'running a module', measures: true }),
    describe: () => ({ lane: 'stage', key: '', final: false }),
  },
});

export const describeModules = (): readonly ModuleInfo[] =>
  moduleCatalogue.map((module) => {
    const { id, title, kind, summary, source, parameters, written } = module;
    const defaults = resolvedParameters(module, {});
    const inputs = module.inputs(defaults);
    return {
      id,
      title,
      kind,
      summary,
      source,
      parameters,
      inputs: inputs.map((input) => ({
        name: input.name,
        kind: input.kind,
        title: input.title,
        description: input.description,
        shape: input.shape,
      })),
      outputs: module.outputs(defaults).map((output) => ({
        name: output.name,
        title: output.title,
        shape: output.shape,
      })),
      samples: module.samples.map((sample) => ({
        id: sample.id,
        title: sample.title,
        description: sample.description,
      })),
      ...(written
        ? { written: { title: written.title, description: written.description, example: written.example } }
        : {}),
      takesPicture: inputs.some((input) => input.kind === 'picture' || input.kind === 'feature-map'),
      weights: module.weights(defaults).map(({ name, shape }) => ({ name, shape })),
      growth: { of: module.growth.of, exponent: module.growth.exponent },
      parameterCount: module.cost(defaults).parameters,
    };
  });
